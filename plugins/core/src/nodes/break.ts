/** Ends the loop around it: what is left of its round does not run, and no further round begins. */
import { defineNode } from '@plugboard/sdk';

export const breakNode = defineNode({
  id: 'break',
  version: 1,
  title: 'End the loop',
  help: 'Ends the loop around it. Its items count like those that come back from a round; rounds at the same time still end.',
  icon: 'circle-stop',
  group: 'Flow',
  per: 'batch',
  effects: 'none',
  breaks: true,
  ports: { outputs: [{ id: 'main', title: 'Items' }] },
  params: {},
  run: ({ items }) => [...items],
});
