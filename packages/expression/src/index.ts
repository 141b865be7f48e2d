/** The door of the expression language: texts become closures, evaluated under a budget. */
export { expressionCatalog } from './catalog.ts';
export type { CatalogEntry } from './catalog.ts';
export { compileTemplate } from './compiled-template.ts';
export type { CompiledTemplate } from './compiled-template.ts';
export { compileValue } from './compiled-value.ts';
export type { CompiledValue, ValueProblem } from './compiled-value.ts';
export { ExpressionError } from './expression-error.ts';
export type { ExpressionErrorCode, ExpressionErrorOptions } from './expression-error.ts';
export { createBudget, defaultLimits } from './limits.ts';
export type { Budget, Limits } from './limits.ts';
export { renameNode } from './rename-node.ts';
export type { CompileOptions, InputView, NodeView, References, Scope } from './scope.ts';
export { parseText } from './template.ts';
export type { Tag } from './values.ts';
