/** Starts a run when a person presses the button or the command line says so. The run's input is the item. */
import { defineTrigger } from '@plugboard/sdk';

export const manual = defineTrigger({
  id: 'manual',
  version: 1,
  kind: 'manual',
  title: 'Manual start',
  help: 'Starts when you press Run, or from the command line with plugboard run. The input given there is the item.',
  icon: 'mouse-pointer-click',
  group: 'Triggers',
  params: {},
});
