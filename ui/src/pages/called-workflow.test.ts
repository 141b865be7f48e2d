import { flushPromises, mount } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { describe, expect, test } from 'vitest';
import type { CallableWorkflow } from '../api/types.ts';
import { ApiError } from '../api/api-error.ts';
import { API_KEY } from '../api/use-api.ts';
import CalledWorkflow from './CalledWorkflow.vue';

const priced: CallableWorkflow = {
  id: '1',
  name: 'Priced',
  state: 'ready',
  version: 2,
  inputs: [
    { name: 'amount', type: 'number', title: 'How many', help: 'Of one article.', required: true },
    { name: 'currency', type: 'text', required: false, default: 'EUR' },
  ],
  outputs: [],
};

async function shown(found: CallableWorkflow | Error): Promise<string> {
  const getCallableWorkflow = () => (found instanceof Error ? Promise.reject(found) : Promise.resolve(found));
  const page = mount(CalledWorkflow, {
    props: { name: 'Priced' },
    global: { plugins: [createPinia()], provide: { [API_KEY as symbol]: { getCallableWorkflow } } },
  });
  await flushPromises();
  return page.text();
}

describe('a step that calls a workflow shows', () => {
  test('what that one takes and gives', async () => {
    const text = await shown(priced);
    for (const said of [
      'How many',
      'amount: number, required',
      'Of one article.',
      'What “Priced” takes',
      'text, otherwise "EUR"',
      'What “Priced” gives',
      'It does not say: whatever',
    ])
      expect(text).toContain(said);
    expect(text).not.toContain('a call fails');
  });

  test('why a call would fail', async () => {
    expect(await shown({ ...priced, state: 'paused' })).toContain('It is paused, so a call fails.');
    const unpublished = await shown({ ...priced, state: 'unpublished', inputs: [] });
    expect(unpublished).toContain('It is not published');
    expect(unpublished).not.toContain('takes');
    for (const kind of ['notFound', 'forbidden'] as const)
      expect(await shown(new ApiError(kind, 'No'))).toContain('There is no workflow “Priced” that you may run.');
    expect(await shown(new ApiError('offline', 'No'))).toContain('It cannot be shown at the moment.');
  });
});
