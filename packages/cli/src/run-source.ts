/** Which state of a workflow a run that is made from another one goes on with. */
import { Option } from 'commander';

export function sourceOption(): Option {
  return new Option('--on <version>', 'the version of the run, what is live, or the draft')
    .choices(['same', 'live', 'draft'])
    .default('same');
}
