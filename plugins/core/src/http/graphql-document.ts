/** Which operations a GraphQL document holds: enough of its grammar to tell reading from changing. */

export interface GraphqlOperation {
  readonly kind: 'query' | 'mutation' | 'subscription';
  /** Empty for an operation without a name. */
  readonly name: string;
}

/** Comments, texts in blocks and in lines, names, and single characters. */
const TOKEN = /#[^\n\r]*|"""(?:[^"\\]|\\"""|\\|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"|[A-Za-z_]\w*|[^\s,]/g;

export function operationsOf(document: string): readonly GraphqlOperation[] {
  const operations: GraphqlOperation[] = [];
  /** Braces, brackets and parentheses that are open. */
  let depth = 0;
  /** True where a definition may begin. */
  let isTop = true;
  /** The operation whose name may come next. */
  let named: GraphqlOperation['kind'] | undefined;
  for (const [token] of document.matchAll(TOKEN)) {
    if (token.startsWith('#') || token.startsWith('"')) continue;
    if (named !== undefined) {
      operations.push({ kind: named, name: /^\w/.test(token) ? token : '' });
      named = undefined;
    }
    if (depth === 0 && isTop) {
      isTop = false;
      if (token === 'query' || token === 'mutation' || token === 'subscription') named = token;
      else if (token === '{') operations.push({ kind: 'query', name: '' });
    }
    if (token === '{' || token === '(' || token === '[') depth += 1;
    else if (token === '}' || token === ')' || token === ']') {
      depth -= 1;
      if (depth === 0 && token === '}') isTop = true;
    }
  }
  return operations;
}
