/** Parameters of arrows: a name, `{ names }` or `[names]`, each with a slot of its own. */
import type { Pattern } from 'acorn';
import { sourceOf, type CompileContext } from './compile-context.ts';
import type { Binder } from './lambda.ts';
import { hasMethod } from './method-table.ts';
import { readMember } from './own-read.ts';
import { show } from './plain.ts';
import { fail } from './refusal.ts';
import { isList } from './values.ts';

export function binder(parameter: Pattern, inner: Map<string, number>, own: Set<string>, context: CompileContext): Binder {
  const declare = (node: Pattern | null): number => {
    if (node?.type !== 'Identifier') {
      throw fail('EXPR_NOT_ALLOWED', 'A parameter is a name, { names } or [names], without defaults.', node ?? parameter);
    }
    if (node.name.startsWith('$')) throw fail('EXPR_NOT_ALLOWED', 'Names that start with $ belong to the language.', node);
    if (own.has(node.name)) throw fail('EXPR_SYNTAX', `The parameter ${node.name} is named twice.`, node);
    own.add(node.name);
    const slot = context.slots++;
    inner.set(node.name, slot);
    return slot;
  };
  if (parameter.type === 'ObjectPattern') {
    const subject = sourceOf(parameter, context);
    const fields = parameter.properties.map((property) => {
      if (property.type !== 'Property' || property.computed || property.key.type !== 'Identifier') {
        throw fail('EXPR_NOT_ALLOWED', 'A parameter { … } can only name fields.', property);
      }
      if (property.key.name === '__proto__') throw fail('EXPR_NOT_ALLOWED', 'The key __proto__ cannot be used.', property);
      const place = { key: property.key.name, subject, start: property.start, end: property.end, hasMethod };
      return { place, slot: declare(property.value) };
    });
    return (e, argument) => {
      for (const { place, slot } of fields) e.locals[slot] = readMember(e, argument, place);
    };
  }
  if (parameter.type === 'ArrayPattern') {
    const slots = parameter.elements.map((element) => (element === null ? undefined : declare(element)));
    return (e, argument) => {
      if (!isList(argument)) throw fail('EXPR_TYPE', `A list is needed to take apart, but this is ${show(argument)}.`, parameter);
      slots.forEach((slot, index) => {
        if (slot !== undefined) e.locals[slot] = argument[index];
      });
    };
  }
  const slot = declare(parameter);
  return (e, argument) => {
    e.locals[slot] = argument;
  };
}
