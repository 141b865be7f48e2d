/** The door of the queue: which accepted runs may work now. */
export { createInProcessDispatcher } from './in-process-dispatcher.ts';
export type { DispatcherOptions } from './in-process-dispatcher.ts';
