/** How large a GraphQL document may be: what the schema cannot say by itself. */
import { type ASTVisitor, GraphQLError, type GraphQLObjectType, type ValidationContext } from 'graphql';

export const MAX_TOKENS = 1000;
const MAX_ALIASES = 15;
const MAX_DIRECTIVES = 50;
/** Root fields of one request; each opens its own transaction. */
const MAX_ROOT_FIELDS = 20;

/** One answer could be asked for again and again under other names. */
export function aliasLimit(context: ValidationContext): ASTVisitor {
  let aliases = 0;
  return {
    Field(node) {
      if (node.alias && (aliases += 1) === MAX_ALIASES + 1)
        context.reportError(new GraphQLError(`A document has at most ${MAX_ALIASES} aliases`));
    },
  };
}

export function directiveLimit(context: ValidationContext): ASTVisitor {
  let directives = 0;
  return {
    Directive() {
      if ((directives += 1) === MAX_DIRECTIVES + 1)
        context.reportError(new GraphQLError(`A document has at most ${MAX_DIRECTIVES} directives`));
    },
  };
}

export function rootFieldLimit(context: ValidationContext): ASTVisitor {
  const schema = context.getSchema();
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]);
  let fields = 0;
  return {
    // Also those in fragments, which are as many again with each fragment.
    Field() {
      const parent = context.getParentType();
      if (parent && roots.has(parent as GraphQLObjectType) && (fields += 1) === MAX_ROOT_FIELDS + 1)
        context.reportError(new GraphQLError(`A request has at most ${MAX_ROOT_FIELDS} fields`));
    },
  };
}
