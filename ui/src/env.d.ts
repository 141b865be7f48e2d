/** True outside the production build: the gallery of components and pages exists. */
declare const __GALLERY__: boolean;

/** Hash of each operation of the pages by its name; empty in development. */
declare module 'virtual:operation-hashes' {
  const hashes: { readonly [name: string]: string };
  export default hashes;
}
