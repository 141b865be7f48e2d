import type { ParamsIR } from '@plugboard/sdk';
import { mount } from '@vue/test-utils';
import { describe, expect, test } from 'vitest';
import { defaultsOf, emptyOf, formProblems, shownFields, titleOf } from './form-values.ts';
import SchemaForm from './SchemaForm.vue';

const FIELDS: ParamsIR = {
  name: { kind: 'text', required: true, title: 'Name' },
  method: {
    kind: 'choice',
    default: 'GET',
    options: [
      { value: 'GET', title: 'GET' },
      { value: 'POST', title: 'POST' },
    ],
  },
  body: { kind: 'text', multiline: true, when: { param: 'method', op: 'eq', value: 'POST' } },
  count: { kind: 'number', integer: true, min: 1 },
  tags: { kind: 'list', of: { kind: 'text', maxLength: 5 } },
  secretKey: { kind: 'text', secret: true },
};

describe('form values', () => {
  test('a field with a condition shows when it holds, defaults counted', () => {
    expect(shownFields(FIELDS, {})).not.toContain('body');
    expect(shownFields(FIELDS, { method: 'POST' })).toContain('body');
  });

  test('every problem is told at once, at its place', () => {
    const problems = formProblems(FIELDS, { count: 0.5, tags: ['ok', 'too long'] });
    expect([...problems.keys()].sort()).toEqual(['count', 'name', 'tags[1]']);
  });

  test('text that begins with = is text, not an expression', () => {
    expect(formProblems({ formula: { kind: 'text', expr: 'deny' } }, { formula: '=1+1' }).size).toBe(0);
  });

  test('names without a title are read as words', () => {
    expect(titleOf('vat_id', { kind: 'text' })).toBe('Vat id');
    expect(titleOf('allowedHosts', { kind: 'text' })).toBe('Allowed hosts');
  });

  test('defaults are those the fields name, and new entries start with theirs', () => {
    expect(defaultsOf(FIELDS)).toEqual({ method: 'GET' });
    expect(emptyOf({ kind: 'object', fields: { a: { kind: 'number', default: 3 }, b: { kind: 'text' } } })).toEqual({ a: 3 });
  });
});

describe('the form', () => {
  test('typing changes the value it is bound to, numbers as numbers', async () => {
    const form = mount(SchemaForm, { props: { fields: FIELDS, modelValue: {} } });
    await form.get('[data-field="name"] input').setValue('Ada');
    await form.get('[data-field="count"] input').setValue('4');
    const sent = form.emitted('update:modelValue') as [{ [name: string]: unknown }][];
    expect(sent[0]?.[0]).toEqual({ name: 'Ada' });
    expect(sent.at(-1)?.[0]).toMatchObject({ count: 4 });
  });

  test('a secret is typed blind', () => {
    const form = mount(SchemaForm, { props: { fields: FIELDS, modelValue: {} } });
    expect(form.get('[data-field="secretKey"] input').attributes('type')).toBe('password');
  });

  test('a problem stands at its field and is read with it', () => {
    const form = mount(SchemaForm, { props: { fields: FIELDS, modelValue: {}, problems: new Map([['name', 'Needed to go on.']]) } });
    const input = form.get('[data-field="name"] input');
    expect(input.attributes('aria-invalid')).toBe('true');
    expect(form.get(`#${CSS.escape(input.attributes('aria-describedby') ?? '')}`).text()).toBe('Needed to go on.');
  });

  test('list entries are added and removed by buttons', async () => {
    const form = mount(SchemaForm, { props: { fields: { tags: FIELDS['tags'] as ParamsIR[string] }, modelValue: { tags: ['a'] } } });
    await form.get('[data-field="tags"] button.add').trigger('click');
    expect(form.emitted('update:modelValue')?.at(-1)).toEqual([{ tags: ['a', ''] }]);
    await form.get('[data-field="tags"] button[aria-label="Remove entry 1"]').trigger('click');
    expect(form.emitted('update:modelValue')?.at(-1)).toEqual([{ tags: [''] }]);
  });
});
