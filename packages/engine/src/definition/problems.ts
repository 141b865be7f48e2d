/**
 * Every problem a definition or a draft operation can have, in one place: its severity, its words and what to do about it.
 * A message is a template and its values, so that a reader in another language needs only the code and the values.
 */
import type { Problem } from './types.ts';

interface CatalogEntry {
  readonly severity: Problem['severity'];
  /** One line for the reference: when it appears. */
  readonly doc: string;
  readonly message: string;
  readonly hint: string;
}

/** What all problems of a faulty expression share. */
const EXPRESSION = {
  severity: 'error',
  message: '"{node}": the expression in {param} is wrong at character {position}: {reason}',
  hint: 'Correct the expression.',
} as const;

const CATALOG = {
  // The shape of the input.
  DEFINITION_NOT_OBJECT: {
    severity: 'error',
    doc: 'The input is not an object.',
    message: 'A workflow is an object with schema, name, nodes and edges; this is {found}.',
    hint: 'Give the parsed content of a workflow file.',
  },
  DEFINITION_UNREADABLE: {
    severity: 'error',
    doc: 'Reading the input failed, because it is not plain data.',
    message: 'The workflow cannot be read, because it is not plain data.',
    hint: 'Give what JSON.parse or a YAML parser returns.',
  },
  DEFINITION_TOO_LARGE: {
    severity: 'error',
    doc: 'The definition has more text or values than the limit.',
    message: 'The workflow is larger than {max} {unit}.',
    hint: 'Move large values into files or documents, or split the workflow.',
  },
  TAGS_TOO_MANY: {
    severity: 'error',
    doc: 'The settings give runs more tags than the limit.',
    message: 'Runs have at most {max} tags from the settings; here are {count}.',
    hint: 'Keep the tags by which runs are looked for.',
  },
  TAG_KEY: {
    severity: 'error',
    doc: 'The key of a tag in the settings cannot be searched for.',
    message: '"{key}" cannot be the key of a tag.',
    hint: 'A key has 1 to 64 characters, and neither = nor : in it.',
  },
  TAG_EXPRESSION: {
    severity: 'error',
    doc: 'The expression of a tag in the settings cannot be read.',
    message: 'The tag "{key}": the expression is wrong at character {position}: {reason}',
    hint: 'Correct the expression.',
  },
  TAG_NODE: {
    severity: 'error',
    doc: 'The expression of a tag in the settings names a node, and tags are settled before any has run.',
    message: 'The tag "{key}" names the node "{name}", which has not run when tags are settled.',
    hint: 'Read the item of the trigger with $json.',
  },
  BUDGET_WARNS_LATE: {
    severity: 'warning',
    doc: 'The budget warns at an amount that its runs never reach, because they stop before.',
    message: 'The budget warns at ${warn}, and runs stop at ${stop}.',
    hint: 'Warn at less than the stop, or raise the stop.',
  },
  FLOW_CONFLICT: {
    severity: 'error',
    doc: 'Flow control has parts of which only one can decide what becomes of a start.',
    message: 'Flow control has {parts}; only one of them can be.',
    hint: 'Keep the one that says what is meant: the last start, all in one run, or one at a time.',
  },
  FLOW_DEBOUNCE: {
    severity: 'error',
    doc: 'The longest time a debounced start may wait is shorter than its delay.',
    message: 'The longest wait is shorter than the delay.',
    hint: 'Make longestMs at least as long as delayMs, or leave it out.',
  },
  FLOW_EXPRESSION: {
    severity: 'error',
    doc: 'An expression of flow control cannot be read.',
    message: 'The expression is wrong at character {position}: {reason}',
    hint: 'Correct the expression.',
  },
  FLOW_NODE: {
    severity: 'error',
    doc: 'An expression of flow control names a node, and it is settled before any has run.',
    message: 'The expression names the node "{name}", which has not run when it is settled.',
    hint: 'Read the item of the trigger with $json.',
  },
  LIMIT_EMPTY: {
    severity: 'error',
    doc: 'The limit of a node says neither how many requests at once nor how many in a period.',
    message: '{node} has a limit that limits nothing.',
    hint: 'Give concurrency, or requests and periodMs, or leave the limit out.',
  },
  LIMIT_KEY: {
    severity: 'error',
    doc: 'The key of a limit is an expression that cannot be read.',
    message: 'The key of the limit of {node} is wrong at character {position}: {reason}',
    hint: 'Correct the expression.',
  },
  PROBLEMS_CUT: {
    severity: 'error',
    doc: 'There are more problems than are listed.',
    message: 'Only the first {max} problems are listed. Not listed: {more}.',
    hint: 'Fix the listed problems first.',
  },
  EXPRESSIONS_TOO_MANY: {
    severity: 'error',
    doc: 'The definition has more different expressions, or more patterns in them, than the limit.',
    message: 'The workflow has more than {max} different {what}.',
    hint: 'Split the workflow, or work values out in one code step.',
  },
  SCHEMA_UNSUPPORTED: {
    severity: 'error',
    doc: 'The field schema is missing or names a format this version does not read.',
    message: 'The format (schema) has to be 1; it is {found}.',
    hint: 'Set "schema": 1, or open the file with a newer version.',
  },
  FIELD_MISSING: {
    severity: 'error',
    doc: 'A required field is missing.',
    message: 'The field "{field}" is missing.',
    hint: 'Add it.',
  },
  FIELD_UNKNOWN: {
    severity: 'warning',
    doc: 'Fields that mean nothing here; they are left out.',
    message: 'Unknown fields are left out: {fields}.',
    hint: 'Remove them, or correct their spelling.',
  },
  PINS_IGNORED: {
    severity: 'warning',
    doc: 'Pinned data is kept beside a draft, never in a workflow.',
    message: 'Pinned data is not part of a workflow and is left out.',
    hint: 'Pin the data in the editor after the import.',
  },
  FIELD_TYPE: {
    severity: 'error',
    doc: 'A field holds a value of the wrong type.',
    message: 'Expected {expected}, found {found}.',
    hint: 'Change the value.',
  },
  FIELD_VALUE: {
    severity: 'error',
    doc: 'A field holds none of its allowed values.',
    message: '"{found}" is not one of {allowed}.',
    hint: 'Choose one of the listed values.',
  },
  TEXT_EMPTY: {
    severity: 'error',
    doc: 'A text that must not be empty is empty.',
    message: 'The text is empty.',
    hint: 'Write something that is not only white space.',
  },
  TEXT_TOO_LONG: {
    severity: 'error',
    doc: 'A text is longer than allowed.',
    message: 'The text has {length} characters; {max} are allowed.',
    hint: 'Shorten it.',
  },
  TEXT_NOT_ALLOWED: {
    severity: 'error',
    doc: 'A text holds a NUL character, half of a surrogate pair, or a line break, control or invisible character where one line is expected.',
    message: 'The text holds a character that cannot be stored here: {what}.',
    hint: 'Remove the character.',
  },
  NUMBER_NOT_FINITE: {
    severity: 'error',
    doc: 'A number is NaN or infinite.',
    message: 'The number is {found}.',
    hint: 'Write an ordinary number.',
  },
  NUMBER_NOT_WHOLE: {
    severity: 'error',
    doc: 'A number has to be whole.',
    message: '{found} is not a whole number.',
    hint: 'Round it.',
  },
  NUMBER_RANGE: {
    severity: 'error',
    doc: 'A number lies outside its range.',
    message: '{found} is outside {min} to {max}.',
    hint: 'Choose a number in the range.',
  },
  LIST_TOO_LONG: {
    severity: 'error',
    doc: 'A list has more entries than can be read.',
    message: 'The list has {length} entries; {max} are allowed.',
    hint: 'Shorten it.',
  },
  ID_INVALID: {
    severity: 'error',
    doc: 'An id has other characters than A-Z a-z 0-9 _ - or is longer than 64.',
    message: '"{found}" is not an id.',
    hint: 'Use 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.',
  },
  ID_DUPLICATE: {
    severity: 'error',
    doc: 'Two nodes, edges, groups or notes have the same id.',
    message: 'The {kind} id "{id}" is used before, at {other}.',
    hint: 'Give each its own id.',
  },
  KEY_FORBIDDEN: {
    severity: 'error',
    doc: 'A key named __proto__.',
    message: 'The key "{key}" is not allowed.',
    hint: 'Use another name.',
  },
  VALUE_NOT_JSON: {
    severity: 'error',
    doc: 'A value that JSON cannot hold.',
    message: 'Expected JSON, found {found}.',
    hint: 'Use null, true, false, numbers, text, lists and objects.',
  },
  VALUE_TOO_DEEP: {
    severity: 'error',
    doc: 'Lists and objects inside each other deeper than the limit.',
    message: 'Values are nested deeper than {max} levels.',
    hint: 'Flatten the value. A value that contains itself cannot be stored.',
  },
  NODE_TYPE_INVALID: {
    severity: 'error',
    doc: 'A node type is not written as plugin/name.',
    message: '"{found}" is not a node type.',
    hint: 'Write the plugin and the name, such as core/set.',
  },
  POSITION_MISSING: {
    severity: 'warning',
    doc: 'A node or note has no position; it is placed in a row.',
    message: 'There is no position; one is chosen.',
    hint: 'Arrange the canvas in the editor.',
  },

  // Names, types and limits.
  NODE_NAME_MISSING: {
    severity: 'error',
    doc: 'A node has no name.',
    message: 'The node "{id}" has no name.',
    hint: 'Name it: expressions refer to nodes by name.',
  },
  NODE_NAME_DUPLICATE: {
    severity: 'error',
    doc: 'Two nodes have the same name.',
    message: 'The name "{name}" is used by another node ("{other}").',
    hint: 'Give each node its own name: expressions refer to nodes by name.',
  },
  NODE_TYPE_UNKNOWN: {
    severity: 'error',
    doc: 'No installed plugin has this node type.',
    message: '"{node}" has the type "{type}", which is not known.',
    hint: 'Check the spelling, or install the plugin that has it.',
  },
  NODE_VERSION_UNKNOWN: {
    severity: 'error',
    doc: 'The node type is known, this version of it is not.',
    message: '"{node}" needs version {version} of "{type}", which is not installed.',
    hint: 'Install the plugin version that has it, or move the node to an installed version.',
  },
  NODES_TOO_MANY: {
    severity: 'error',
    doc: 'More nodes than the limit.',
    message: 'The workflow has {count} nodes; {max} are allowed.',
    hint: 'Split it into several workflows.',
  },
  EDGES_TOO_MANY: {
    severity: 'error',
    doc: 'More edges than the limit.',
    message: 'The workflow has {count} edges; {max} are allowed.',
    hint: 'Split it into several workflows.',
  },
  TIMEZONE_UNKNOWN: {
    severity: 'error',
    doc: 'The time zone of the settings is not an IANA zone.',
    message: '"{zone}" is not a time zone.',
    hint: 'Use a name such as UTC or Europe/Berlin.',
  },
  INPUT_DECLARATION_INVALID: {
    severity: 'error',
    doc: 'An entry of inputs does not say what a caller has to give.',
    message: 'The input "{name}" is not declared well: {reason}.',
    hint: 'Give it a type (text, number, boolean, object, list or any), and "required": true or a default.',
  },
  OUTPUT_DECLARATION_INVALID: {
    severity: 'error',
    doc: 'An entry of outputs does not say what the last steps give.',
    message: 'The output "{name}" is not declared well: {reason}.',
    hint: 'Give it a type (text, number, boolean, object, list or any), and "required": true where every item has it.',
  },
  GROUP_NODE_MISSING: {
    severity: 'warning',
    doc: 'A group lists a node that does not exist.',
    message: 'The group lists the node "{id}", which does not exist.',
    hint: 'Remove it from the group.',
  },

  // The graph.
  EDGE_NODE_MISSING: {
    severity: 'error',
    doc: 'An edge starts or ends at a node that does not exist.',
    message: 'The edge "{edge}" refers to the node "{id}", which does not exist.',
    hint: 'Remove the edge, or connect it to a node.',
  },
  EDGE_PORT_MISSING: {
    severity: 'error',
    doc: 'An edge starts or ends at a port its node does not have.',
    message: '"{node}" has no {side} "{port}".',
    hint: 'Its ports are: {ports}.',
  },
  EDGE_INTO_TRIGGER: {
    severity: 'error',
    doc: 'An edge ends at a trigger.',
    message: '"{node}" is a trigger: nothing can lead into it.',
    hint: 'Remove the edge.',
  },
  EDGE_DUPLICATE: {
    severity: 'error',
    doc: 'Two edges connect the same ports.',
    message: 'The edge "{edge}" connects the same ports as "{other}".',
    hint: 'Remove one of them: items would arrive twice.',
  },
  CYCLE: {
    severity: 'error',
    doc: 'Nodes lead back to themselves other than by the input next of a loop.',
    message: 'These nodes lead back to themselves: {cycle}.',
    hint: 'Remove one of the edges, or lead back to the input next of a loop.',
  },
  LOOP_ENTRY: {
    severity: 'error',
    doc: 'An edge leads into the body of a loop from outside.',
    message: '"{node}" lies inside the loop "{loop}", and "{source}" does not.',
    hint: 'Connect "{source}" to the loop itself, or take "{node}" out of the loop.',
  },
  LOOP_NEXT: {
    severity: 'error',
    doc: 'An edge hands items back to a loop from outside of its body.',
    message: '"{node}" hands items back to the loop "{loop}", and does not lie inside it.',
    hint: 'Connect it to the input main of the loop.',
  },
  BREAK_OUTSIDE: {
    severity: 'error',
    doc: 'A node that ends a loop lies in none.',
    message: '"{node}" ends the loop around it, and there is none.',
    hint: 'Move it between the body port of a loop and its end, or remove it.',
  },
  NO_TRIGGER: {
    severity: 'warning',
    doc: 'No enabled trigger starts the workflow.',
    message: 'Nothing starts this workflow.',
    hint: 'Add a trigger, such as a webhook or a schedule.',
  },
  NODE_UNREACHABLE: {
    severity: 'warning',
    doc: 'No trigger leads to the node.',
    message: 'No trigger leads to "{node}", so it never runs.',
    hint: 'Connect it, disable it or remove it.',
  },
  PORTS_NOT_LITERAL: {
    severity: 'error',
    doc: 'A parameter that names output ports is an expression.',
    message: 'The output ports of "{node}" are read from here, so an expression cannot stand here.',
    hint: 'Write the port names as they are; conditions may be expressions.',
  },
  PORT_ID_INVALID: {
    severity: 'error',
    doc: 'A parameter names an output port with other characters than an id has.',
    message: '"{found}" is not a port name.',
    hint: 'Use 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.',
  },
  PORT_RESERVED: {
    severity: 'error',
    doc: 'A parameter names an output port "error" while errors are routed to the port of that name.',
    message: 'The port "error" of "{node}" receives the items that failed.',
    hint: 'Name the port otherwise, or choose another way to treat errors.',
  },
  ERROR_PORT_CLOSED: {
    severity: 'warning',
    doc: 'An edge leaves the port error, but errors are not routed there.',
    message: 'Errors of "{node}" are not routed to its port "error", so this edge never carries items.',
    hint: 'Set onError to "route", or remove the edge.',
  },
  ERROR_ROUTE_UNUSED: {
    severity: 'warning',
    doc: 'Errors are routed to the port error, but no edge leaves it.',
    message: 'Failed items of "{node}" go to its port "error", which leads nowhere.',
    hint: 'Connect the port "error", or set onError to "continue" or "fail".',
  },
  UNDO_JOINED: {
    severity: 'error',
    doc: 'An edge leads into what undoes a step from outside of it.',
    message: 'The edge "{edge}" leads from "{source}" to "{node}", which is part of what undoes "{undone}" and runs only then.',
    hint: 'Remove the edge, or give what undoes "{undone}" a node of its own.',
  },
  UNDO_IN_LOOP: {
    severity: 'error',
    doc: 'A node of a loop has a branch that undoes it.',
    message: '"{node}" lies in the loop "{loop}", and rounds that are over cannot be undone.',
    hint: 'Connect the port "undo" of the loop itself, which has the items of all rounds, or take "{node}" out of the loop.',
  },
  UNDO_IN_UNDO: {
    severity: 'error',
    doc: 'A node that undoes something has a branch that undoes it.',
    message: '"{node}" is part of what undoes a step, and cannot be undone itself.',
    hint: 'Remove the edge from its port "undo".',
  },
  UNDO_NOTHING: {
    severity: 'warning',
    doc: 'A branch undoes a node that changes nothing outside.',
    message: '"{node}" changes nothing outside, so there is nothing to undo.',
    hint: 'Connect the port "undo" of the step that does, or remove the edge.',
  },
  TEST_NODE_MISSING: {
    severity: 'warning',
    doc: 'A test names a node that the workflow does not have.',
    message: 'The test "{test}" names the node "{id}", which is not there.',
    hint: 'Take the node out of the test, or save the test anew from a run.',
  },
  JOIN_UNREACHABLE: {
    severity: 'error',
    doc: 'A join waits for more edges than lead into it.',
    message: '"{node}" waits for {count} edges, but {edges} lead into it.',
    hint: 'Lower the count, or connect more edges.',
  },

  // Parameters and policies.
  PARAM_UNKNOWN: {
    severity: 'warning',
    doc: 'A parameter the node type does not have; it is ignored.',
    message: '"{node}" has no parameter {param}; it is ignored.',
    hint: 'Remove it, or correct its spelling.',
  },
  PARAM_REQUIRED: {
    severity: 'error',
    doc: 'A required parameter has no value.',
    message: '"{node}" needs a value for {param}.',
    hint: 'Fill it in.',
  },
  PARAM_TYPE: {
    severity: 'error',
    doc: 'A literal parameter value has the wrong type.',
    message: '"{node}", {param}: {reason}',
    hint: 'Change the value, or use an expression that gives the right type.',
  },
  PARAM_CONSTRAINT: {
    severity: 'error',
    doc: 'A literal parameter value has the right type, but breaks a limit, pattern or format.',
    message: '"{node}", {param}: {reason}',
    hint: 'Change the value.',
  },
  PARAM_CHOICE: {
    severity: 'error',
    doc: 'A literal parameter value is none of the options.',
    message: '"{node}", {param}: {reason}',
    hint: 'Choose one of the options.',
  },
  PARAM_KEY: {
    severity: 'error',
    doc: 'A parameter value has a key no data may have.',
    message: '"{node}", {param}: {reason}',
    hint: 'Use another name.',
  },
  EXPR_DENIED: {
    severity: 'error',
    doc: 'An expression where only a literal value is allowed.',
    message: '"{node}": {param} cannot be an expression.',
    hint: 'Write the value itself.',
  },
  EXPR_REQUIRED: {
    severity: 'error',
    doc: 'A literal value where an expression is required.',
    message: '"{node}": {param} has to be an expression.',
    hint: 'Begin the text with an equals sign and put the expression in double braces.',
  },
  CODE_INVALID: {
    severity: 'error',
    doc: 'The code of a code parameter does not parse.',
    message: '"{node}": the code in {param} does not parse: {reason}',
    hint: 'Correct the code.',
  },
  CODE_NODE_UNKNOWN: {
    severity: 'warning',
    doc: 'Code seems to refer to a node that does not exist.',
    message: '"{node}": the code in {param} refers to the node "{name}", which does not exist.',
    hint: 'Use the name of a node of this workflow. Code does not follow when a node is renamed.',
  },
  EXPR_INVALID: { doc: 'An expression cannot be used, for a reason none of the other codes names.', ...EXPRESSION },
  EXPR_SYNTAX: { doc: 'An expression does not parse.', ...EXPRESSION },
  EXPR_NOT_ALLOWED: { doc: 'An expression uses JavaScript the expression language does not have.', ...EXPRESSION },
  EXPR_UNKNOWN_NAME: { doc: 'An expression uses a name that does not exist.', ...EXPRESSION },
  EXPR_UNKNOWN_METHOD: { doc: 'An expression calls a method that does not exist.', ...EXPRESSION },
  EXPR_TOO_LONG: { doc: 'An expression is longer than the limit.', ...EXPRESSION },
  EXPR_DEPTH: { doc: 'An expression is nested deeper than the limit.', ...EXPRESSION },
  EXPR_BAD_REGEX: { doc: 'A regular expression in an expression is not valid.', ...EXPRESSION },
  EXPR_NODE_UNKNOWN: {
    severity: 'error',
    doc: 'An expression refers to a node that does not exist.',
    message: '"{node}": the expression in {param} refers to the node "{name}", which does not exist.',
    hint: 'Use the name of a node of this workflow.',
  },
  EXPR_NOT_MARKED: {
    severity: 'warning',
    doc: 'A text looks like an expression and is handed on as it is written, braces and all.',
    message: '"{node}": {param} looks like an expression, and is handed on as it is written.',
    hint: 'Begin the text with = to have it evaluated.',
  },
  EXPR_NO_ITEM: {
    severity: 'warning',
    doc: 'An expression reads the current item in a step that gets all its items at once.',
    message: '"{node}": the expression in {param} reads {name}, and this step gets all its items at once.',
    hint: 'Read the first of them with $input.first().json, or all with $input.all().',
  },
  EXPR_NODE_NOT_UPSTREAM: {
    severity: 'error',
    doc: 'An expression refers to a node that does not run before this one.',
    message: '"{node}": the expression in {param} refers to "{name}", which does not lead to this node.',
    hint: 'Refer to a node that runs before this one, or connect them.',
  },
  CREDENTIAL_SLOT_UNKNOWN: {
    severity: 'error',
    doc: 'A credential is given for a slot the node type does not have.',
    message: '"{node}" has no credential slot "{slot}".',
    hint: 'Its slots are: {slots}.',
  },
  RETRY_NOT_REPEATABLE: {
    severity: 'warning',
    doc: 'A retry policy on a step that is not safe to repeat.',
    message: '"{node}" writes and is not safe to repeat: only attempts that were certainly not applied are tried again.',
    hint: 'Leave the retry off, or choose parameters that make the step safe to repeat.',
  },
  CALL_WAITS_FOR_ITSELF: {
    severity: 'warning',
    doc: 'A workflow of which one run works at a time calls itself and waits for the answer.',
    message: '"{node}" calls this very workflow and waits, and only one of its runs works at a time: the call can never begin, and fails.',
    hint: 'Call it without waiting for the answer, raise flow.concurrency.limit above how often it waits for itself, or give it a key that differs.',
  },
  POLICY_ON_TRIGGER: {
    severity: 'warning',
    doc: 'A trigger has a retry, time limit, error or concurrency policy, which only steps use.',
    message: '"{node}" is a trigger: {policies} mean nothing there.',
    hint: 'Remove them.',
  },

  // Webhooks.
  WEBHOOK_PATH_MISSING: {
    severity: 'error',
    doc: 'A webhook trigger has no path.',
    message: '"{node}" has no path.',
    hint: 'Write the path under which it is called, such as orders/new.',
  },
  WEBHOOK_PATH_INVALID: {
    severity: 'error',
    doc: 'The path of a webhook cannot be served.',
    message: '"{node}": the path "{path}" {rule}.',
    hint: 'Write segments of A-Z a-z 0-9 . _ ~ - between slashes; a segment may be a parameter such as :id, the last one such as *rest for all that follows.',
  },
  WEBHOOK_PATH_DUPLICATE: {
    severity: 'error',
    doc: 'Two webhook triggers of the workflow answer the same method and path.',
    message: '"{node}" answers {method} {path}, as "{other}" does.',
    hint: 'Change the path or the method of one of them.',
  },
  WEBHOOK_METHOD_INVALID: {
    severity: 'error',
    doc: 'A webhook names a method it cannot answer.',
    message: '"{node}" cannot answer the method "{method}".',
    hint: 'Use GET, HEAD, POST, PUT, PATCH or DELETE.',
  },
  WEBHOOK_REPLY_INVALID: {
    severity: 'error',
    doc: 'A webhook names a way to reply that does not exist.',
    message: '"{node}" cannot reply "{reply}".',
    hint: 'Use immediate, last-step or respond.',
  },
  WEBHOOK_REPLY_MISSING: {
    severity: 'error',
    doc: 'A webhook leaves its reply to a step, but no step after it replies.',
    message: '"{node}" leaves the reply to a step, but no step after it replies.',
    hint: 'Add a step that replies, or set reply to "last-step" or "immediate".',
  },
  REPLY_UNUSED: {
    severity: 'warning',
    doc: 'A step replies, but no webhook that leads to it waits for the reply.',
    message: '"{node}" replies, but no webhook that leads to it leaves its reply to a step.',
    hint: 'Set the reply of the webhook to "respond", or remove the step.',
  },

  // Draft operations.
  OP_INVALID: {
    severity: 'error',
    doc: 'A draft operation is not written as one.',
    message: 'This is not an operation: {reason}.',
    hint: 'Send add, remove, set or renameNode with their fields.',
  },
  OP_TARGET_MISSING: {
    severity: 'error',
    doc: 'A draft operation is about something that does not exist.',
    message: 'There is no {kind} "{id}".',
    hint: 'Someone may have removed it: load the draft again.',
  },
  OP_TARGET_EXISTS: {
    severity: 'error',
    doc: 'A draft operation adds an id that exists.',
    message: 'There is a {kind} "{id}" already.',
    hint: 'Choose another id.',
  },
  OP_PATH_INVALID: {
    severity: 'error',
    doc: 'A draft operation sets a field that cannot be set.',
    message: 'The field "{field}" cannot be set: {reason}.',
    hint: 'Set a field of an object; lists are set whole.',
  },
  OP_FIELD_CHANGED: {
    severity: 'error',
    doc: 'A guarded operation found another value than the one it was made for.',
    message: 'The field "{field}" has changed since: expected {expected}, found {found}.',
    hint: 'Look at the present value and change it by hand.',
  },
} as const satisfies Record<string, CatalogEntry>;

export type ProblemCode = keyof typeof CATALOG;

/** Names between braces in a template. */
type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<C extends ProblemCode> = {
  readonly [N in Names<(typeof CATALOG)[C]['message']> | Names<(typeof CATALOG)[C]['hint']>]: string | number;
};

/** Where a problem is. */
export interface Place {
  readonly path: string;
  readonly nodeId?: string;
  readonly edgeId?: string;
}

interface More {
  /** A better hint than the catalog's. */
  readonly hint?: string;
  /** Another severity than the catalog's: problems of a disabled node do not block. */
  readonly severity?: Problem['severity'];
  readonly offset?: number;
}

export function problem<C extends ProblemCode>(code: C, place: Place, values: Values<C>, more: More = {}): Problem {
  const entry: CatalogEntry = CATALOG[code];
  const params: { [name: string]: string | number } = {};
  for (const [name, value] of Object.entries<string | number>(values)) params[name] = typeof value === 'string' ? shorten(value) : value;
  return {
    code,
    severity: more.severity ?? entry.severity,
    ...(place.nodeId === undefined ? {} : { nodeId: place.nodeId }),
    ...(place.edgeId === undefined ? {} : { edgeId: place.edgeId }),
    path: place.path,
    message: fill(entry.message, params),
    hint: more.hint ?? fill(entry.hint, params),
    params,
    ...(more.offset === undefined ? {} : { offset: more.offset }),
  };
}

/** All codes with their severity and one line about when they appear, for the reference and for translators. */
export const problemCatalog: readonly {
  readonly code: ProblemCode;
  readonly severity: Problem['severity'];
  readonly doc: string;
  readonly message: string;
  readonly hint: string;
}[] = (Object.keys(CATALOG) as ProblemCode[]).map((code) => ({ code, ...CATALOG[code] }));

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((each) => each.severity === 'error');
}

/** What a value is, in words for people. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return value === '' ? 'empty text' : `the text "${shorten(value)}"`;
    case 'number':
    case 'boolean':
      return String(value);
    case 'object':
      return 'an object';
    default:
      return `a ${typeof value}`;
  }
}

function fill(template: string, params: { readonly [name: string]: string | number }): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name]));
}

/** Untrusted text in a message stays short enough to read. */
function shorten(text: string): string {
  return (text.length <= 200 ? text : `${text.slice(0, 199)}…`).toWellFormed();
}
