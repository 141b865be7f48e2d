/** Every problem a caller can meet: its status and what it means. */

interface ProblemKind {
  readonly status: number;
  readonly text: string;
}

const kind = (status: number, text: string): ProblemKind => ({ status, text });

export const PROBLEMS = {
  UNAUTHENTICATED: kind(401, 'The caller is not signed in, or its session or key is not valid any more.'),
  LINK_REFUSED: kind(409, 'The account elsewhere belongs to somebody else here, or is the only way to sign in.'),
  PROVIDER_FAILED: kind(502, 'The service people sign in with does not answer as it should.'),
  SIGN_IN_FAILED: kind(401, 'Address and password, or the code, do not belong together.'),
  TOTP_REQUIRED: kind(401, 'The account asks for a code of its second factor too.'),
  FORBIDDEN: kind(403, 'The caller may see this and not do that; the message names the role that may.'),
  REQUEST_REFUSED: kind(403, 'The request came from a page that may not make it.'),
  CONNECTION_INSECURE: kind(403, 'People cannot sign in over a connection that others could read.'),
  NOT_FOUND: kind(404, 'There is no such thing, or the caller may not know of it.'),
  METHOD_NOT_ALLOWED: kind(405, 'The address takes other methods.'),
  CONFLICT: kind(409, 'Somebody changed it in between, or it is not in the state for this.'),
  NAME_TAKEN: kind(409, 'Something else has this name.'),
  HOOK_PATH_TAKEN: kind(409, 'Another workflow has this webhook path.'),
  DRAFT_CONFLICT: kind(409, 'Somebody else changed the same field of the draft; the answer has both values.'),
  DRAFT_OUTDATED: kind(409, 'The draft has moved on too far, or never was at this revision: fetch it anew.'),
  DRAFT_HELD: kind(409, 'Somebody else is editing the draft; the answer says who, and until when.'),
  NOTHING_TO_UNDO: kind(409, 'The caller has no change here that could be taken back.'),
  NOT_EMPTY: kind(409, 'Other things are still in it.'),
  RUN_STATE: kind(409, 'The run does not stand so that this can be done; the answer has its status.'),
  RUN_ENDED: kind(409, 'The run has ended; the answer has its status.'),
  DATA_ERASED: kind(409, 'What the steps of the run were given and gave is forgotten.'),
  STEP_STATE: kind(409, 'The step does not stand so that this can be done, or the workflow has it no more; the message says which.'),
  TESTS_FAILED: kind(409, 'Tests of the workflow did not pass.'),
  TYPE_MISSING: kind(409, 'The workflow needs a node type that is not installed; the message names it.'),
  SETTING_LOCKED: kind(409, 'The environment fixes this setting; it cannot be changed here.'),
  ALREADY_DONE: kind(409, 'This was done before and can be done once.'),
  LAST_OWNER: kind(409, 'The workspace would have no owner.'),
  BODY_INVALID: kind(400, 'The body is not what its type says.'),
  BODY_UNSUPPORTED: kind(415, 'The body has a type or an encoding that is not supported.'),
  RANGE_INVALID: kind(416, 'Nothing of the file is in the range that was asked for.'),
  BODY_TOO_LARGE: kind(413, 'The body is larger than allowed.'),
  INPUT_INVALID: kind(422, 'Fields are missing or wrong; each is listed.'),
  CREDENTIAL_USE_REQUIRED: kind(403, 'The workflow uses a credential that the caller may not use.'),
  DEFINITION_INVALID: kind(422, 'The workflow has problems; each is listed.'),
  TOO_DEEP: kind(422, 'Things lie too deep inside each other.'),
  OPS_INVALID: kind(422, 'Operations on a draft are wrong; each is listed.'),
  NO_TRIGGER: kind(422, 'The workflow has no such trigger.'),
  KEY_REUSED: kind(422, 'The idempotency key was used with another request.'),
  BACKUP_FAILED: kind(507, 'The backup could not be written: look at the disk of the data folder.'),
  LIMIT_REACHED: kind(402, 'The plan of the workspace does not allow more.'),
  ENTITLEMENT_EXCEEDED: kind(402, 'The plan of the workspace does not allow more; the answer has the limit and what is used.'),
  TOO_MANY_REQUESTS: kind(429, 'Too many requests; Retry-After says when to come again.'),
  TOO_MANY_ATTEMPTS: kind(429, 'Too many wrong passwords or codes; the answer says when to try again.'),
  POLL_FAILED: kind(502, 'The service a trigger asks does not answer as it should; the message says how.'),
  MAIL_NOT_SENT: kind(409, 'No e-mail goes out: no mail server is set, or it does not take the message.'),
  SERVER_BUSY: kind(503, 'The server cannot take more work at the moment; nothing was started.'),
  SERVER_STOPPING: kind(503, 'The server is stopping.'),
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Problems every operation may answer. */
export const ALWAYS: readonly ProblemCode[] = ['INPUT_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'REQUEST_REFUSED', 'NOT_FOUND'];
/** Further ones of every mutation. */
export const ALWAYS_OF_MUTATIONS: readonly ProblemCode[] = [...ALWAYS, 'KEY_REUSED', 'CONFLICT'];
