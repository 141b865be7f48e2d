/**
 * From syntax tree to closures. What the language has is listed here node by node; anything else is refused.
 * Nothing of the source is ever executed: closures read plain data, and calls go to the tables of methods and helpers.
 */
import type {
  ArrayExpression,
  ArrowFunctionExpression,
  BinaryExpression,
  CallExpression,
  Expression,
  Identifier,
  Literal,
  LogicalExpression,
  MemberExpression,
  Node,
  ObjectExpression,
  PrivateIdentifier,
  SpreadElement,
  Super,
  TemplateLiteral,
  UnaryExpression,
} from 'acorn';
import { sourceOf, type CompileContext, type Locals } from './compile-context.ts';
import { asExpressionError, ExpressionError } from './expression-error.ts';
import type { Compiled, Evaluation } from './evaluation.ts';
import { constants, helpers, refusedHelpers } from './helpers.ts';
import { Lambda } from './lambda.ts';
import { maxOperatorRun } from './limits.ts';
import { append } from './list-methods.ts';
import type { Argument, Arguments, Method } from './method.ts';
import { noSuchMethod, payForReceiver, payForResult, takes, unknownMethod, wrongShape } from './method-call.ts';
import { hasMethod, kindsWith, methodOf } from './method-table.ts';
import { names, nearest, unknownName } from './names.ts';
import { copyInto } from './object-methods.ts';
import { binary, logical } from './operator-closures.ts';
import { numeric, truthy } from './operators.ts';
import { noValue, readIndex, readMember, type MemberPlace } from './own-read.ts';
import { binder } from './parameters.ts';
import { Pattern } from './pattern.ts';
import { putField, show, textOf } from './plain.ts';
import { fail, locating, placed, refused } from './refusal.ts';
import { joined, type Step } from './steps.ts';
import { fixedMember, fixedText, helperName, isNodeCall, isPatternLiteral, namespaces } from './syntax.ts';
import { isList, isObject, NodeValue, tagOf, type Tag, type Value } from './values.ts';

/** RE2 instructions all patterns of one source may have together, so that compiling stays quick. */
const maxPatternSizes = 8000;

const noLocals: Locals = new Map();

/** Compiles one expression. @throws ExpressionError */
export function compileExpression(node: Expression, context: CompileContext): Compiled {
  return compile(node, context, noLocals, 0);
}

function compile(node: Expression, context: CompileContext, locals: Locals, depth: number): Compiled {
  if (depth > context.limits.depth) {
    throw fail(
      'EXPR_DEPTH',
      `The expression is nested deeper than ${context.limits.depth} levels.`,
      node,
      'Split it over several fields or steps.',
    );
  }
  switch (node.type) {
    case 'Literal':
      return literal(node);
    case 'TemplateLiteral':
      return locating(node, template(node, context, locals, depth));
    case 'Identifier':
      return identifier(node, context, locals);
    case 'ArrayExpression':
      return locating(node, list(node, context, locals, depth));
    case 'ObjectExpression':
      return locating(node, object(node, context, locals, depth));
    case 'UnaryExpression':
      return unary(node, context, locals, depth);
    case 'BinaryExpression':
    case 'LogicalExpression':
      return operatorRun(node, context, locals, depth);
    case 'ConditionalExpression': {
      const test = compile(node.test, context, locals, depth + 1);
      const yes = compile(node.consequent, context, locals, depth + 1);
      const no = compile(node.alternate, context, locals, depth + 1);
      return (e) => {
        if (--e.fuel < 0) e.outOfFuel();
        return truthy(test(e)) ? yes(e) : no(e);
      };
    }
    case 'ChainExpression':
      return spine(node.expression, context, locals, depth);
    case 'MemberExpression':
    case 'CallExpression':
      return spine(node, context, locals, depth);
    case 'ParenthesizedExpression':
      return compile(node.expression, context, locals, depth + 1);
    case 'ArrowFunctionExpression':
      throw fail('EXPR_NOT_ALLOWED', 'An arrow is allowed only as the argument of a method such as map or filter.', node);
    default:
      throw refused(node);
  }
}

function literal(node: Literal): Compiled {
  const { value } = node;
  if (node.regex !== undefined && node.regex !== null) {
    throw fail('EXPR_NOT_ALLOWED', 'A regular expression is allowed only as the argument of a method such as match or replace.', node);
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) return () => value;
  throw fail('EXPR_NOT_ALLOWED', 'Big integers are not JSON.', node, 'Write the number without n, or as text.');
}

function template(node: TemplateLiteral, context: CompileContext, locals: Locals, depth: number): Compiled {
  const texts = node.quasis.map((quasi) => quasi.value.cooked ?? '');
  const parts = node.expressions.map((part) => compile(part, context, locals, depth + 1));
  return (e) => {
    let text = texts[0] ?? '';
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index];
      const added = part === undefined ? '' : textOf(e, part(e));
      const after = texts[index + 1] ?? '';
      e.chargeText(text.length + added.length + after.length);
      text += added + after;
    }
    return text;
  };
}

function identifier(node: Identifier, context: CompileContext, locals: Locals): Compiled {
  const slot = locals.get(node.name);
  if (slot !== undefined) return (e) => e.locals[slot];
  const name = Object.hasOwn(names, node.name) ? names[node.name] : undefined;
  if (name !== undefined) {
    if (name.use !== undefined) context.references.uses.add(name.use);
    if (node.name === '$vars') context.references.uses.add('dynamicVars');
    return name.read;
  }
  if (node.name === '$') throw fail('EXPR_NOT_ALLOWED', '$ needs the name of a node.', node, "Write $('Node name').");
  if (namespaces.has(node.name) || Object.hasOwn(helpers, node.name)) {
    throw fail('EXPR_NOT_ALLOWED', `${node.name} is not a value.`, node, 'Functions can be called, but not read, stored or passed on.');
  }
  throw unknownName(node.name, [...locals.keys(), ...Object.keys(names), ...Object.keys(helpers)], node.start, node.end);
}

function list(node: ArrayExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const fill = elements(
    node.elements.map((element) => {
      if (element === null) throw fail('EXPR_SYNTAX', 'A list cannot have holes.', node, 'Write undefined or null.');
      return element;
    }),
    context,
    locals,
    depth,
  );
  return (e) => fill(e);
}

/** Elements of a list or arguments of a helper, spreads opened up. */
function elements(
  nodes: readonly (Expression | SpreadElement)[],
  context: CompileContext,
  locals: Locals,
  depth: number,
): (e: Evaluation) => Value[] {
  const parts = nodes.map((node) => ({
    isSpread: node.type === 'SpreadElement',
    read: compile(node.type === 'SpreadElement' ? node.argument : node, context, locals, depth + 1),
    node,
  }));
  return (e) => {
    e.charge(1 + parts.length);
    const out: Value[] = [];
    for (const { isSpread, read, node } of parts) {
      const value = read(e);
      if (!isSpread) out.push(value);
      else if (isList(value)) append(e, out, value);
      else if (typeof value === 'string') append(e, out, charsOf(e, value));
      else throw fail('EXPR_TYPE', `Only a list can be spread here, but this is ${show(value)}.`, node);
    }
    return out;
  };
}

function charsOf(evaluation: Evaluation, text: string): string[] {
  evaluation.chargeElements(text.length);
  return Array.from(text);
}

function object(node: ObjectExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const fields = node.properties.map((property) => {
    if (property.type === 'SpreadElement') {
      return { spread: compile(property.argument, context, locals, depth + 1), node: property };
    }
    if (property.kind !== 'init' || property.method)
      throw fail('EXPR_NOT_ALLOWED', 'An object can hold values only, no functions.', property);
    return {
      key: property.computed ? compile(property.key, context, locals, depth + 1) : fixedKey(property.key),
      value: compile(property.value, context, locals, depth + 1),
      node: property,
    };
  });
  return (e) => {
    e.charge(1 + fields.length);
    const made: { [key: string]: Value } = {};
    for (const field of fields) {
      if ('spread' in field && field.spread !== undefined) {
        const value = field.spread(e);
        if (isObject(value)) copyInto(e, made, value);
        else if (value !== undefined && value !== null)
          throw fail('EXPR_TYPE', `Only an object can be spread here, but this is ${show(value)}.`, field.node);
      } else if ('key' in field && field.key !== undefined) {
        putField(made, keyOf(field.key(e), field.node), field.value(e));
      }
    }
    return made;
  };
}

function fixedKey(node: Expression): Compiled {
  const key = node.type === 'Identifier' ? node.name : node.type === 'Literal' ? String(node.value) : undefined;
  if (key === undefined) throw fail('EXPR_NOT_ALLOWED', 'This key is not supported.', node);
  if (key === '__proto__') throw fail('EXPR_NOT_ALLOWED', 'The key __proto__ cannot be used.', node);
  return () => key;
}

function keyOf(value: Value, node: Node): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw fail('EXPR_TYPE', `A key must be text or a number, but is ${show(value)}.`, node);
}

function unary(node: UnaryExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const { operator } = node;
  if (operator !== '!' && operator !== '-' && operator !== '+' && operator !== 'typeof') {
    throw fail('EXPR_NOT_ALLOWED', `The operator ${operator} is not part of expressions.`, node);
  }
  const argument = compile(node.argument, context, locals, depth + 1);
  return (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    const value = argument(e);
    if (operator === '!') return !truthy(value);
    if (operator === 'typeof') return typeOf(value);
    return placed(node, () => (operator === '-' ? -numeric(value, '-') : numeric(value, '+')));
  };
}

function typeOf(value: Value): string {
  if (tagOf(value) === undefined) throw new ExpressionError('EXPR_BAD_DATA', 'The data holds something that is not JSON.');
  return typeof value;
}

/** `a + b + c`: the left side is followed in a loop, so a long sum is not deep. */
function operatorRun(node: BinaryExpression | LogicalExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const run: (BinaryExpression | LogicalExpression)[] = [];
  let left: Expression | PrivateIdentifier = node;
  while (left.type === 'BinaryExpression' || left.type === 'LogicalExpression') {
    run.push(left);
    left = left.left;
    if (run.length > maxOperatorRun) throw fail('EXPR_DEPTH', `More than ${maxOperatorRun} operators follow each other.`, node);
  }
  if (left.type === 'PrivateIdentifier') throw fail('EXPR_NOT_ALLOWED', 'Private names are not part of expressions.', left);
  let compiled = compile(left, context, locals, depth + 1);
  for (const part of run.toReversed()) {
    const right = compile(part.right, context, locals, depth + 1);
    compiled = part.type === 'LogicalExpression' ? logical(part.operator, compiled, right) : binary(part, compiled, right);
  }
  return compiled;
}

/** Members, indexes and calls in a row, from the left. An optional step that meets undefined or null ends the whole row. */
function spine(node: MemberExpression | CallExpression | Expression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const links: (MemberExpression | CallExpression)[] = [];
  let root: Expression | Super = node;
  for (;;) {
    if (root.type === 'MemberExpression') {
      links.push(root);
      root = root.object;
    } else if (root.type === 'CallExpression' && root.callee.type === 'MemberExpression' && helperName(root, locals) === undefined) {
      links.push(root);
      root = root.callee.object;
    } else break;
    if (links.length > maxOperatorRun) throw fail('EXPR_DEPTH', `More than ${maxOperatorRun} members follow each other.`, node);
  }
  if (root.type === 'Super') throw refused(root);
  const constant = links.length > 0 ? constantOf(root, links.at(-1), locals) : undefined;
  if (constant !== undefined) links.pop();
  const start =
    constant !== undefined
      ? (): Value => constant
      : root.type === 'CallExpression'
        ? rootCall(root, context, locals, depth)
        : rootRead(root, links.at(-1), context, locals, depth);
  const steps = links
    .toReversed()
    .map((link) =>
      link.type === 'MemberExpression' ? memberStep(link, context, locals, depth) : methodStep(link, context, locals, depth),
    );
  noteReads(root, links.at(-1), context);
  return joined(start, steps);
}

/** `Math.PI`. */
function constantOf(root: Expression | Super, link: MemberExpression | CallExpression | undefined, locals: Locals): number | undefined {
  if (root.type !== 'Identifier' || locals.has(root.name) || link?.type !== 'MemberExpression' || link.computed) return undefined;
  if (!namespaces.has(root.name) || link.property.type !== 'Identifier') return undefined;
  const name = `${root.name}.${link.property.name}`;
  const constant = constants.get(name);
  if (constant !== undefined) return constant;
  if (refusedHelpers.has(name) || Object.hasOwn(helpers, name)) {
    throw fail('EXPR_NOT_ALLOWED', `${name} is not a value.`, link, refusedHelpers.get(name) ?? `Call it: ${name}(…).`);
  }
  throw fail('EXPR_UNKNOWN_NAME', `${name} is not known.`, link, `Did you mean ${nearest(name, knownHelpers()) ?? 'another name'}?`);
}

function knownHelpers(): string[] {
  return [...Object.keys(helpers), ...constants.keys()];
}

function rootRead(
  root: Expression,
  link: MemberExpression | CallExpression | undefined,
  context: CompileContext,
  locals: Locals,
  depth: number,
): Compiled {
  const isVars = root.type === 'Identifier' && root.name === '$vars' && !locals.has('$vars') && link !== undefined;
  if (!isVars) return compile(root, context, locals, depth + 1);
  const name = link.type === 'MemberExpression' ? fixedMember(link) : undefined;
  if (name === undefined) context.references.uses.add('dynamicVars');
  else context.references.vars.add(name);
  return (e) => e.scope.vars;
}

/** `$('x').item` and `$input.item` follow the current item's lineage. */
function noteReads(root: Expression, link: MemberExpression | CallExpression | undefined, context: CompileContext): void {
  const isNode = isNodeCall(root) || (root.type === 'Identifier' && root.name === '$input');
  if (!isNode || link === undefined) return;
  if (link.type === 'MemberExpression' && fixedMember(link) !== undefined && fixedMember(link) !== 'item') return;
  if (link.type === 'MemberExpression') context.references.uses.add('usesItem');
}

function memberStep(node: MemberExpression, context: CompileContext, locals: Locals, depth: number): Step {
  if (node.property.type === 'PrivateIdentifier')
    throw fail('EXPR_NOT_ALLOWED', 'Private names are not part of expressions.', node.property);
  const subject = sourceOf(node.object, context);
  const place = (key: string): MemberPlace => ({ key, subject, start: node.property.start, end: node.property.end, hasMethod });
  const fixed = fixedMember(node);
  if (fixed !== undefined) {
    if (fixed === '__proto__') throw fail('EXPR_NOT_ALLOWED', 'The key __proto__ cannot be used.', node.property);
    const here = place(fixed);
    return { isOptional: node.optional, run: (e, value) => readMember(e, value, here) };
  }
  const key = compile(node.property, context, locals, depth + 1);
  const here = place(sourceOf(node.property, context));
  return {
    isOptional: node.optional,
    run(e, value) {
      if (value === undefined || value === null) throw noValue(value, here);
      const at = key(e);
      try {
        return readIndex(e, value, at, here);
      } catch (thrown) {
        throw asExpressionError(thrown, here.start, here.end);
      }
    },
  };
}

function methodStep(node: CallExpression, context: CompileContext, locals: Locals, depth: number): Step {
  const callee = node.callee as MemberExpression;
  if (callee.computed || callee.property.type !== 'Identifier') {
    throw fail(
      'EXPR_NOT_ALLOWED',
      'A method is called by its plain name, not by a computed one.',
      callee.property,
      'Write value.method().',
    );
  }
  if (node.optional) throw fail('EXPR_NOT_ALLOWED', 'A call cannot be optional.', node, 'Write value?.method().');
  const { name } = callee.property;
  const kinds = kindsWith(name);
  if (kinds.length === 0) throw unknownMethod(name, callee.property, callee.object, context);
  const place = {
    key: `${name}()`,
    subject: sourceOf(callee.object, context),
    start: callee.property.start,
    end: callee.property.end,
    hasMethod,
  };
  const fits = new Map<Tag, Method<Value>>();
  for (const kind of kinds) {
    const method = methodOf(kind, name);
    if (method !== undefined && takes(method, node.arguments)) fits.set(kind, method);
  }
  if (fits.size === 0) throw wrongShape(name, node.arguments);
  const readArguments = methodArguments(node.arguments, context, locals, depth);
  const { start, end } = callee.property;
  return {
    isOptional: callee.optional,
    run(e, value) {
      const tag = tagOf(value);
      const method = tag === undefined ? undefined : fits.get(tag);
      if (method === undefined) throw noSuchMethod(name, value, tag, place);
      const args = readArguments(e);
      try {
        payForReceiver(e, value, method);
        const made = method.run(value, args, e);
        payForResult(e, made);
        return made;
      } catch (thrown) {
        throw asExpressionError(thrown, start, end);
      }
    },
  };
}

function methodArguments(
  nodes: CallExpression['arguments'],
  context: CompileContext,
  locals: Locals,
  depth: number,
): (e: Evaluation) => Arguments {
  if (nodes.length === 0) return () => [];
  if (nodes.some((node) => node.type === 'SpreadElement')) {
    const special = nodes.find((node) => node.type === 'ArrowFunctionExpression' || isPatternLiteral(node));
    if (special !== undefined)
      throw fail('EXPR_NOT_ALLOWED', 'A spread argument cannot stand beside an arrow or a regular expression.', special);
    return elements(nodes, context, locals, depth);
  }
  const readers = nodes.map((node): ((e: Evaluation) => Argument) => {
    if (node.type === 'ArrowFunctionExpression') {
      const lambda = arrow(node, context, locals, depth + 1);
      return () => lambda;
    }
    if (isPatternLiteral(node)) {
      const pattern = regularExpression(node as Literal, context);
      return () => pattern;
    }
    return compile(node as Expression, context, locals, depth + 1);
  });
  const [only] = readers;
  if (readers.length === 1 && only !== undefined) return (e) => [only(e)];
  return (e) => readers.map((read) => read(e));
}

function regularExpression(node: Literal, context: CompileContext): Pattern {
  try {
    const pattern = new Pattern(node.regex?.pattern ?? '', node.regex?.flags ?? '', context.limits.pattern);
    context.patternSize += pattern.size;
    if (context.patternSize > maxPatternSizes) {
      throw new ExpressionError('EXPR_BAD_REGEX', 'The regular expressions of this source are too large together.');
    }
    return pattern;
  } catch (thrown) {
    throw asExpressionError(thrown, node.start, node.end);
  }
}

function arrow(node: ArrowFunctionExpression, context: CompileContext, locals: Locals, depth: number): Lambda {
  if (node.async) throw fail('EXPR_NOT_ALLOWED', 'An arrow cannot be async.', node);
  if (node.body.type === 'BlockStatement') {
    throw fail('EXPR_NOT_ALLOWED', 'An arrow holds one expression, without braces.', node.body, 'For an object write x => ({ … }).');
  }
  if (node.params.length > 3) throw fail('EXPR_NOT_ALLOWED', 'An arrow takes at most three parameters.', node);
  const inner = new Map(locals);
  const own = new Set<string>();
  const binders = node.params.map((parameter) => binder(parameter, inner, own, context));
  return new Lambda(binders, compile(node.body, context, inner, depth));
}

function rootCall(node: CallExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  if (isNodeCall(node) && !locals.has('$')) return nodeCall(node, context, locals, depth);
  const name = helperName(node, locals);
  const { callee } = node;
  if (name === undefined) throw fail('EXPR_NOT_ALLOWED', 'Only methods and listed functions can be called.', callee);
  if (node.optional) throw fail('EXPR_NOT_ALLOWED', 'A call cannot be optional.', node);
  const helper = Object.hasOwn(helpers, name) ? helpers[name] : undefined;
  if (helper === undefined) {
    const instead = refusedHelpers.get(name);
    if (instead !== undefined) throw fail('EXPR_NOT_ALLOWED', `${name}() is not part of expressions.`, callee, instead);
    throw unknownName(name, knownHelpers(), callee.start, callee.end);
  }
  const special = node.arguments.find((argument) => argument.type === 'ArrowFunctionExpression' || isPatternLiteral(argument));
  if (special !== undefined) throw fail('EXPR_NOT_ALLOWED', `${name}() does not take an arrow or a regular expression.`, special);
  const readArguments = elements(node.arguments, context, locals, depth);
  return (e) => {
    const args = readArguments(e);
    try {
      const made = helper.run(undefined, args, e);
      payForResult(e, made);
      return made;
    } catch (thrown) {
      throw asExpressionError(thrown, callee.start, callee.end);
    }
  };
}

function nodeCall(node: CallExpression, context: CompileContext, locals: Locals, depth: number): Compiled {
  const [argument] = node.arguments;
  if (argument === undefined || node.arguments.length !== 1 || argument.type === 'SpreadElement' || node.optional) {
    throw fail('EXPR_SYNTAX', '$ takes the name of one node.', node, "Write $('Node name').");
  }
  const fixed = fixedText(argument);
  if (fixed === undefined) context.references.uses.add('dynamicNode');
  else context.references.nodes.add(fixed);
  const read = fixed === undefined ? compile(argument, context, locals, depth + 1) : (): Value => fixed;
  return (e) => {
    const name = read(e);
    if (typeof name !== 'string') throw fail('EXPR_TYPE', `The name of a node must be text, but is ${show(name)}.`, argument);
    const view = e.scope.node(name);
    if (view === undefined) {
      throw fail(
        'EXPR_UNKNOWN_NODE',
        `There is no output of a node named ${show(name)}.`,
        argument,
        'Check the name, and that the node runs before this one.',
      );
    }
    return new NodeValue(`$(${JSON.stringify(name)})`, view);
  };
}
