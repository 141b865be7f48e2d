/** What a notification says and where it leads. A kind that is newer than this page is said in its own words. */
import type { NotificationRow } from '../api/types.ts';
import type { LampState } from '../kit/lamp.ts';
import { formatCount } from './format.ts';

export interface NotificationWords {
  readonly title: string;
  readonly text?: string;
  readonly lamp: LampState;
  /** Of the page of what it is about, below the workspace. */
  readonly path?: string;
}

type Params = NotificationRow['params'];

/** `server/src/notifications/notices.ts` declares the kinds and what is kept of each. */
const KINDS: { readonly [kind: string]: (params: Params, count: number) => NotificationWords } = {
  'run.failed': (params, count) => ({
    title: `${textOf(params, 'workflow') ?? 'A workflow'} failed${count > 1 ? `, ${count.toLocaleString('en')} times` : ''}`,
    ...said(textOf(params, 'message')),
    lamp: 'failed',
    ...at('/runs/', textOf(params, 'runId')),
  }),
  'run.asks': (params) => ({
    title: `${textOf(params, 'workflow') ?? 'A run'} needs a decision`,
    text:
      params['why'] === 'quarantine'
        ? 'The server broke off more than once while it worked on this run. Decide whether it goes on.'
        : 'A step broke off after it may have written something. Look at the other system, then decide.',
    lamp: 'unknownEffect',
    ...at('/runs/', textOf(params, 'runId')),
  }),
  'run.spends': (params) => ({
    title: `${textOf(params, 'workflow') ?? 'A run'} has spent ${textOf(params, 'spent') ?? 'much'}`,
    text: `At ${textOf(params, 'limit') ?? 'its limit'} the run makes no further call that costs money.`,
    lamp: 'attention',
    ...at('/runs/', textOf(params, 'runId')),
  }),
  'approval.asked': (params) => ({
    title: textOf(params, 'title') ?? 'A decision waits for you',
    text: 'A run waits until you decide.',
    lamp: 'waiting',
    ...at('/approvals/', textOf(params, 'approvalId')),
  }),
  'credential.lost': (params) => ({
    title: `${textOf(params, 'name') ?? 'A credential'} stopped working`,
    text: `Its sign-in cannot be renewed${textOf(params, 'error') === undefined ? '' : `: ${textOf(params, 'error')}`}. Workflows that use it fail until somebody signs in again.`,
    lamp: 'attention',
    ...at('/credentials/', textOf(params, 'credentialId')),
  }),
  'invitation.accepted': (params) => ({
    title: `${textOf(params, 'name') ?? 'Somebody'} accepted your invitation`,
    ...said(inSentence('The role is', textOf(params, 'role'))),
    lamp: 'succeeded',
    path: '/team',
  }),
  'member.role': (params) => ({
    title: inSentence('Your role is', textOf(params, 'role'), ' now') ?? 'Your role changed',
    ...said(inSentence('It was', textOf(params, 'before'), ' before.')),
    lamp: 'idle',
    path: '/team',
  }),
  'job.ended': (params) => ({
    title: `${JOB_WORDS[textOf(params, 'act') ?? ''] ?? 'A job'} ${params['state'] === 'cancelled' ? 'was stopped' : params['state'] === 'failed' ? 'broke off' : 'is done'}`,
    text: `${formatCount(numberOf(params, 'done'), 'thing')} done${numberOf(params, 'failed') > 0 ? `, ${numberOf(params, 'failed').toLocaleString('en')} refused` : ''}.`,
    lamp: params['state'] === 'failed' ? 'failed' : params['state'] === 'cancelled' ? 'cancelled' : 'succeeded',
  }),
};

/** Operations that jobs carry out, as people say them. */
const JOB_WORDS: { readonly [act: string]: string } = {
  'run.cancel': 'Stopping runs',
  'run.delete': 'Deleting runs',
  'run.again': 'Running again',
  'run.export': 'The export of runs',
  'workflow.delete': 'Moving workflows to the trash',
  'workflow.publish': 'Publishing workflows',
  'workflow.pause': 'Pausing workflows',
  'workflow.resume': 'Resuming workflows',
};

export function notificationWords({ kind, params, count }: Pick<NotificationRow, 'kind' | 'params' | 'count'>): NotificationWords {
  const say = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  return say?.(params, count) ?? { title: inWords(kind), ...said(textOf(params, 'message')), lamp: 'idle' };
}

function textOf(params: Params, name: string): string | undefined {
  const value = params[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(params: Params, name: string): number {
  const value = params[name];
  return typeof value === 'number' ? value : 0;
}

function inSentence(before: string, value: string | undefined, after = '.'): string | undefined {
  return value === undefined ? undefined : `${before} ${value}${after}`;
}

function said(text: string | undefined): { readonly text?: string } {
  return text === undefined ? {} : { text };
}

function at(before: string, id: string | undefined): { readonly path?: string } {
  return id === undefined ? {} : { path: `${before}${encodeURIComponent(id)}` };
}

/** `backupOverdue` and `backup.overdue` are said as "Backup overdue". */
function inWords(kind: string): string {
  const words = kind
    .replaceAll(/[._-]+/g, ' ')
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`)
    .trim();
  return words === '' ? 'News' : words.charAt(0).toUpperCase() + words.slice(1);
}
