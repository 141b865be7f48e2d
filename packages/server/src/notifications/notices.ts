/**
 * Everything people can be told of, each kind declared once: what it is about, the setting by which somebody says how he hears of it, and its
 * words for an e-mail. Pages make their own words from kind and params.
 */
import type { JsonObject } from '@plugboard/sdk';
import type { SettingKey } from '../settings/registry.ts';

/** What is kept of a notice, by kind. Ids and short texts; never data of runs. */
export interface NoticeParams {
  /** Told once an hour for the same failure of a workflow; `count` of the row says how often it happened. */
  readonly 'run.failed': OfRun & { readonly code: string; readonly message: string };
  /** The run cannot go on before somebody decides. */
  readonly 'run.asks': OfRun & { readonly why: 'unknown_effect' | 'quarantine' };
  /** A run and those of its tree have spent what they are to be told of. Amounts as people read them. */
  readonly 'run.spends': OfRun & { readonly spent: string; readonly limit: string };
  readonly 'credential.lost': { readonly credentialId: string; readonly name: string; readonly error: string };
  readonly 'invitation.accepted': { readonly name: string; readonly role: string };
  readonly 'member.role': { readonly role: string; readonly before: string };
  readonly 'job.ended': {
    readonly jobId: string;
    readonly act: string;
    readonly state: string;
    readonly done: number;
    readonly failed: number;
  };
  /** A run waits for a decision of whoever is told. */
  readonly 'approval.asked': { readonly approvalId: string; readonly title: string; readonly runId: string };
}

interface OfRun {
  readonly workflowId: string;
  readonly workflow: string;
  readonly runId: string;
}

export type NoticeKind = keyof NoticeParams;

interface NoticeWords {
  readonly title: string;
  readonly text: string;
  /** Below the page of the workspace. */
  readonly path: string;
}

interface NoticeDefinition<Params> {
  /** By which a person says how he hears of it. */
  readonly setting: Extract<SettingKey, `notifications.${string}`>;
  readonly words: (params: Params, count: number) => NoticeWords;
}

const DEFINITIONS: { readonly [Kind in NoticeKind]: NoticeDefinition<NoticeParams[Kind]> } = {
  'run.failed': {
    setting: 'notifications.runFailed',
    words: ({ workflow, runId, code, message }, count) => ({
      title: `A run of ${workflow} failed`,
      text: `${message} (${code})${count > 1 ? `\nThe same happened ${count} times. You hear of it again in an hour if it goes on.` : ''}`,
      path: `/runs/${runId}`,
    }),
  },
  'run.asks': {
    setting: 'notifications.runAsks',
    words: ({ workflow, runId, why }) => ({
      title: `A run of ${workflow} waits for you`,
      text:
        why === 'quarantine'
          ? 'The server broke off while it worked on this run, more than once. Decide whether it goes on.'
          : 'A step broke off after it may have written something. Look at the other system, then decide whether it happened.',
      path: `/runs/${runId}`,
    }),
  },
  'run.spends': {
    setting: 'notifications.runSpends',
    words: ({ workflow, runId, spent, limit }) => ({
      title: `A run of ${workflow} has spent ${spent}`,
      text: `With its retries and the runs it calls. At ${limit} it makes no further call that costs money.`,
      path: `/runs/${runId}`,
    }),
  },
  'credential.lost': {
    setting: 'notifications.credentialLost',
    words: ({ credentialId, name, error }) => ({
      title: `The credential ${name} stopped working`,
      text: `Its sign-in cannot be renewed: ${error}. Workflows that use it fail until somebody signs in again.`,
      path: `/credentials/${credentialId}`,
    }),
  },
  'invitation.accepted': {
    setting: 'notifications.membership',
    words: ({ name, role }) => ({ title: `${name} accepted your invitation`, text: `The role is ${role}.`, path: '/team' }),
  },
  'member.role': {
    setting: 'notifications.membership',
    words: ({ role, before }) => ({ title: `Your role is ${role} now`, text: `It was ${before} before.`, path: '/team' }),
  },
  'job.ended': {
    setting: 'notifications.jobEnded',
    words: ({ act, state, done, failed }) => ({
      title: state === 'succeeded' ? `${act} is done` : `${act} ${state === 'cancelled' ? 'was cancelled' : 'failed'}`,
      text: `${done} done, ${failed} failed.`,
      path: '/workflows',
    }),
  },
  'approval.asked': {
    setting: 'notifications.approval',
    words: ({ approvalId, title }) => ({
      title: `Your decision is needed: ${title}`,
      text: 'A run waits until you decide.',
      path: `/approvals/${approvalId}`,
    }),
  },
};

export const NOTICE_KINDS = Object.keys(DEFINITIONS) as readonly NoticeKind[];

export function isNoticeKind(kind: string): kind is NoticeKind {
  return Object.hasOwn(DEFINITIONS, kind);
}

export function noticeSetting(kind: NoticeKind): SettingKey {
  return DEFINITIONS[kind].setting;
}

/** The settings of all kinds, each once. */
export const NOTICE_SETTINGS: readonly SettingKey[] = [...new Set(NOTICE_KINDS.map(noticeSetting))];

/** @param params as they were stored with the kind */
export function noticeWords(kind: NoticeKind, params: JsonObject, count: number): NoticeWords {
  const { words } = DEFINITIONS[kind] as NoticeDefinition<unknown>;
  return words(params, count);
}
