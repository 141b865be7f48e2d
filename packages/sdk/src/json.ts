/** What may cross between the engine, plugins and the journal: JSON, and nothing else. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
