import { describe, expectTypeOf, test } from 'vitest';
import { defineNode, defineTrigger, fail, p, when } from './index.ts';
import type { FileRef, Json, Param, ParamValue, ParamValues, Shape } from './index.ts';

/** The type `run` sees for one parameter, as a member of an object, so that optionality shows. */
function member<X extends Param<unknown, boolean>>(_param: X): ParamValues<{ readonly x: X }> {
  return {} as ParamValues<{ readonly x: X }>;
}

function shape<S extends Shape>(_shape: S): ParamValues<S> {
  return {} as ParamValues<S>;
}

type Optional<T> = { readonly x?: T };
type Present<T> = { readonly x: T };

describe('the type of a parameter', () => {
  test('every kind has its value type and is optional at first', () => {
    expectTypeOf(member(p.text())).toEqualTypeOf<Optional<string>>();
    expectTypeOf(member(p.number())).toEqualTypeOf<Optional<number>>();
    expectTypeOf(member(p.boolean())).toEqualTypeOf<Optional<boolean>>();
    expectTypeOf(member(p.choice(['a', 'b']))).toEqualTypeOf<Optional<'a' | 'b'>>();
    expectTypeOf(member(p.choice({ get: 'Get', list: 'List' }))).toEqualTypeOf<Optional<'get' | 'list'>>();
    expectTypeOf(member(p.choice([{ value: 'a', title: 'A' }, 'b']))).toEqualTypeOf<Optional<'a' | 'b'>>();
    expectTypeOf(member(p.choice(['a', 'b']).multiple())).toEqualTypeOf<Optional<readonly ('a' | 'b')[]>>();
    expectTypeOf(member(p.json())).toEqualTypeOf<Optional<Json>>();
    expectTypeOf(member(p.code('javascript'))).toEqualTypeOf<Optional<string>>();
    expectTypeOf(member(p.list(p.number()))).toEqualTypeOf<Optional<readonly number[]>>();
    expectTypeOf(member(p.map(p.boolean()))).toEqualTypeOf<Optional<{ readonly [key: string]: boolean }>>();
    expectTypeOf(member(p.conditions())).toEqualTypeOf<Optional<boolean>>();
    expectTypeOf(member(p.credential('crm/token'))).toEqualTypeOf<Optional<string>>();
    expectTypeOf(member(p.file())).toEqualTypeOf<Optional<FileRef>>();
    expectTypeOf(member(p.date().withTime())).toEqualTypeOf<Optional<string>>();
  });

  test('required and default make it present, whatever modifiers follow', () => {
    expectTypeOf(member(p.text().required())).toEqualTypeOf<Present<string>>();
    expectTypeOf(member(p.text().required().title('Name').min(1).help('The name').placeholder('Ada'))).toEqualTypeOf<Present<string>>();
    expectTypeOf(member(p.number().min(1).default(3).integer())).toEqualTypeOf<Present<number>>();
    expectTypeOf(member(p.choice(['a', 'b']).default('a'))).toEqualTypeOf<Present<'a' | 'b'>>();
    expectTypeOf(member(p.list(p.text()).default([]))).toEqualTypeOf<Present<readonly string[]>>();
  });

  test('a condition makes it optional and ends the chain', () => {
    const hidden = p.text().required().when(when.eq('mode', 'a'));
    expectTypeOf(member(hidden)).toEqualTypeOf<Optional<string>>();
    expectTypeOf(hidden).not.toHaveProperty('required');
    expectTypeOf(hidden).not.toHaveProperty('default');
  });

  test('perItem gives an array', () => {
    expectTypeOf(member(p.number().required().perItem())).toEqualTypeOf<Present<readonly number[]>>();
  });

  test('objects and lists nest', () => {
    const values = shape({
      rules: p.list(p.object({ port: p.text().required(), condition: p.conditions().required(), note: p.text() })).required(),
    });
    expectTypeOf(values).toEqualTypeOf<{
      readonly rules: readonly { readonly port: string; readonly condition: boolean; readonly note?: string }[];
    }>();
  });

  test('a variant is an exact union told apart by its tag', () => {
    const target = p.variant('op', { get: { id: p.text().required() }, list: { limit: p.number().default(10) } }).required();
    expectTypeOf<ParamValue<typeof target>>().toEqualTypeOf<
      { readonly op: 'get'; readonly id: string } | { readonly op: 'list'; readonly limit: number }
    >();
  });

  test('defaults have the type of the parameter', () => {
    // @ts-expect-error a number parameter has no text default
    p.number().default('3');
    // @ts-expect-error not one of the options
    p.choice(['a', 'b']).default('c');
    // @ts-expect-error text has no integers
    p.text().integer();
  });
});

describe('the type of run', () => {
  test('a per-item node sees its parameters, item and context', () => {
    defineNode({
      id: 'greet',
      version: 1,
      title: 'Greet',
      group: 'Data',
      per: 'item',
      effects: 'none',
      params: { name: p.text().required(), times: p.number().default(1), suffix: p.text().when(when.gt('times', 1)) },
      run({ params, item, ctx }) {
        expectTypeOf(params).toEqualTypeOf<{ readonly name: string; readonly times: number; readonly suffix?: string }>();
        expectTypeOf(ctx.idempotencyKey).toEqualTypeOf<string>();
        return { hello: params.name, was: item.json['name'], at: new Date(0), missing: params.suffix };
      },
    });
  });

  test('a per-batch node sees all items and may be an async generator', () => {
    defineNode({
      id: 'count',
      version: 1,
      title: 'Count',
      group: 'Data',
      per: 'batch',
      effects: 'none',
      runsOnEmpty: true,
      params: { weights: p.number().required().perItem() },
      async *run({ params, items }) {
        expectTypeOf(params.weights).toEqualTypeOf<readonly number[]>();
        yield { count: items.length };
      },
    });
  });

  test('what is not data is no output', () => {
    defineNode({
      id: 'bad',
      version: 1,
      title: 'Bad',
      group: 'Data',
      per: 'item',
      effects: 'none',
      params: {},
      // @ts-expect-error a Map is not an item
      run: () => new Map([['a', 1]]),
    });
  });

  test('fail narrows like a throw', () => {
    const name = (given: string | undefined): string => given ?? fail('NO_NAME', 'Give a name.');
    expectTypeOf(name).returns.toEqualTypeOf<string>();
  });

  test('a polling trigger is an async generator of pages', () => {
    defineTrigger({
      id: 'changes',
      version: 1,
      title: 'Changes',
      group: 'Triggers',
      kind: 'poll',
      params: { since: p.date() },
      async *poll({ params, cursor }) {
        expectTypeOf(params).toEqualTypeOf<{ readonly since?: string }>();
        expectTypeOf(cursor).toEqualTypeOf<Json | undefined>();
        yield { items: [{ id: 1 }], cursor: 1 };
      },
    });
  });
});
