/** The door of the SDK: what plugins are written with, and what hosts and editors read of them. */
export type { Json, JsonObject } from './json.ts';
export type { FileRef, Item } from './item.ts';
export type { StepError, StepErrorKind } from './step-error.ts';
export type { ChoiceOption, Condition, ExprMode, ParamIR, ParamsIR } from './param-ir.ts';
export type {
  DynamicPortsIR,
  EffectKind,
  Effects,
  JoinIR,
  LoopIR,
  NodeTypeIR,
  PluginIR,
  PortIR,
  PortsIR,
  TriggerKind,
  TriggerTypeIR,
  TypeIR,
} from './type-ir.ts';
export type { AuthIR, CredentialTestIR, CredentialTypeIR, HmacIR, JwtIR, OauthIR } from './credential-ir.ts';

export { definePlugin, isPlugin, PLUGIN_MARK } from './define-plugin.ts';
export type { Plugin, PluginInput } from './define-plugin.ts';
export { defineNode, NODE_MARK } from './define-node.ts';
export type {
  BatchNode,
  BatchResult,
  DiskParams,
  ItemNode,
  ItemResult,
  Migration,
  NodeDefinition,
  OptionPage,
  RemoteArgs,
} from './define-node.ts';
export { defineTrigger, TRIGGER_MARK } from './define-trigger.ts';
export type {
  ManualTrigger,
  PollArgs,
  PollPage,
  PollTrigger,
  RegistrationArgs,
  ScheduleTrigger,
  StreamEvent,
  StreamTrigger,
  TriggerDefinition,
  WebhookRequest,
  WebhookTrigger,
} from './define-trigger.ts';
export { CREDENTIAL_MARK, defineCredential } from './define-credential.ts';
export type { CredentialDefinition, CredentialInput } from './define-credential.ts';

export { p } from './param-builder.ts';
export type {
  BooleanParam,
  ChoiceParam,
  ChoicesParam,
  CodeParam,
  ConditionsParam,
  CredentialParam,
  DateParam,
  FileParam,
  JsonParam,
  ListParam,
  MapParam,
  NumberParam,
  ObjectParam,
  Param,
  ParamBuilders,
  ParamModifiers,
  ParamValue,
  ParamValues,
  Shape,
  TextParam,
} from './param-builder.ts';
export { holds, when } from './conditions.ts';
export type { Given } from './conditions.ts';
export { QUESTION_OPS } from './question.ts';
export type { Question, QuestionOp, QuestionRule } from './question.ts';

export { FAILED_MARK, failed, GIVE_WAY, item, ITEM_MARK } from './output.ts';
export { WAIT_MARK, waitForApproval, waitForForm, waitForRuns, waitForSignal, waitUntil } from './wait.ts';
export type { Instant, WaitKind, WaitRequest } from './wait.ts';
export type { CalledRuns, StepWorkflows, WorkflowCall } from './calling.ts';
export { MOST_DOLLARS, dollarText, picoDollars } from './money.ts';
export type { Dollars, SpendOptions, Spent, StepSpend } from './money.ts';
export { FORM_FIELD_KINDS } from './asking.ts';
export type { ApprovalRequest, Deciders, FormField, FormFieldKind, FormRequest, StepApprovals, StepForms } from './asking.ts';
export type { FailedItem, GiveWay, ItemOptions, Output, OutputItem, OutputObject, OutputValue } from './output.ts';
export { fail, FAILURE_MARK, StepFailure } from './step-failure.ts';
export type { FailureOptions } from './step-failure.ts';
export type {
  AllItemsResult,
  BatchArgs,
  CallCtx,
  PollCtx,
  CodeItem,
  CodeRequest,
  ConnectOptions,
  EachItemResult,
  FetchOptions,
  FileMeta,
  HttpBody,
  HttpOptions,
  HttpRequest,
  HttpResponse,
  ItemArgs,
  StepCode,
  StepConnect,
  StepCtx,
  StepFetch,
  StepFiles,
  StepHttp,
  StepLog,
  StepReply,
  StepRun,
  StepSocket,
  StepState,
} from './step-context.ts';

export { coerceParam, coerceParams } from './coerce.ts';
export type { Coerced, CoercedAll } from './coerce.ts';
export { isExpression, validateParam, validateParams } from './validate-param.ts';
export type { ParamProblem, ParamProblemCode } from './param-problem.ts';
export { describePlugin, descriptionText, PluginInvalidError } from './describe-plugin.ts';
export type { DescriptionProblem, DescriptionProblemCode } from './description-rules.ts';
export { paramsToJsonSchema } from './json-schema.ts';
export type { JsonSchema } from './json-schema.ts';
export { JsonLimitError, JsonReader } from './json-reader.ts';
export type { JsonLimit, JsonReaderOptions } from './json-reader.ts';
