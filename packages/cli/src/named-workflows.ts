/** Workflows by the names people give them. */
import { CommandFailure } from './failure.ts';
import type { ServerClient } from './server-client.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly updatedAt: string;
}

interface NamePage {
  readonly workflows: readonly Named[];
  readonly nextCursor?: string;
}

export async function allNamed(server: ServerClient, search?: string): Promise<readonly Named[]> {
  const found: Named[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: '100', ...(search ? { search } : {}), ...(cursor === undefined ? {} : { cursor }) });
    const page: NamePage = await server.get<NamePage>(`/api/workflows?${query.toString()}`);
    found.push(...page.workflows);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

/** @throws CommandFailure */
export async function byName(server: ServerClient, name: string): Promise<Named> {
  const found = (await allNamed(server, name.slice(0, 200))).find((one) => one.name === name);
  if (!found)
    throw new CommandFailure(`there is no workflow named "${name}"`, {
      hint: 'Names are exact, capitals and spaces included. List them with: npx plugboard workflows',
    });
  return found;
}
