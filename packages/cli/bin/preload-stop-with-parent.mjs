/** `node --import` runs this before the work: the work gets SIGTERM when its parent is gone. */
import { whenParentEnds } from './stop-with-parent.mjs';

whenParentEnds(() => process.kill(process.pid, 'SIGTERM'));
