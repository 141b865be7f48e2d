/**
 * GraphQL that is made when somebody first asks for it: its libraries and the schema of every operation take a third of a second and tens of
 * megabytes, which a server that only takes webhooks never needs, and a start is quicker without.
 */
import type { GraphqlEndpoint } from './graphql-endpoint.ts';

/** @param load is called once; when it fails, again for the next request */
export function createLazyGraphql(load: () => Promise<GraphqlEndpoint>): GraphqlEndpoint {
  let loading: Promise<GraphqlEndpoint> | undefined;
  const endpoint = async (): Promise<GraphqlEndpoint> => {
    loading ??= load();
    try {
      return await loading;
    } catch (error) {
      loading = undefined;
      throw error;
    }
  };
  return {
    async answer(...request) {
      return (await endpoint()).answer(...request);
    },
  };
}
