import { Command } from 'commander';
import { bundledPlugins } from '../bundled-plugins.ts';
import { CommandFailure, type ProblemLine, printProblem } from '../failure.ts';
import { readWorkflowsFile } from '../workflow-file.ts';

/** `plugboard validate FILE`: every problem at once; needs no server. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('check workflow files without a server')
    .argument('<files...>', 'workflow files')
    .option('--json', 'print the problems as JSON')
    .action(async (files: string[], options: { json?: boolean }) => {
      const [{ checkDefinition }, { createCatalog, loadBundled }, { checkCode }] = await Promise.all([
        import('@plugboard/engine'),
        import('@plugboard/plugin-host'),
        import('@plugboard/server'),
      ]);
      const entries = await loadBundled(bundledPlugins());
      const catalog = createCatalog(entries.map((entry) => entry.ir));
      const found: { file: string; problems: readonly ProblemLine[] }[] = [];
      for (const file of files) {
        try {
          const workflows = await readWorkflowsFile(file);
          const problems = workflows.flatMap((workflow, index) => {
            const checked = checkDefinition(workflow, { findType: catalog.find, knownTypes: catalog.types(), checkCode }).problems;
            return workflows.length === 1 ? checked : checked.map((one) => ({ ...one, path: `workflows[${index}].${one.path}` }));
          });
          found.push({ file, problems });
        } catch (error) {
          if (!(error instanceof CommandFailure)) throw error;
          const own: ProblemLine = { code: 'FILE_UNREADABLE', severity: 'error', message: error.message };
          found.push({ file, problems: error.problems.length > 0 ? error.problems : [own] });
        }
      }
      if (options.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      else for (const { file, problems } of found) report(file, problems);
      const bad = found.filter(({ problems }) => problems.some((problem) => problem.severity !== 'warning')).length;
      if (bad > 0) throw new CommandFailure(`${bad} of ${files.length} ${files.length === 1 ? 'file has' : 'files have'} problems`);
    });
}

function report(file: string, problems: readonly ProblemLine[]): void {
  if (problems.length === 0) {
    process.stdout.write(`${file}: no problems\n`);
    return;
  }
  process.stderr.write(`${file}:\n`);
  for (const problem of problems) printProblem(problem);
}
