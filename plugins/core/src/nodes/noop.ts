/** Hands items on unchanged: a named point on the canvas, or a place where branches meet. */
import { defineNode } from '@plugboard/sdk';

export const noop = defineNode({
  id: 'noop',
  version: 1,
  title: 'No operation',
  help: 'Hands items on unchanged. Use it to name a point or to tidy the canvas.',
  icon: 'circle-dashed',
  group: 'Flow',
  per: 'item',
  effects: 'none',
  params: {},
  run: ({ item }) => item,
});
