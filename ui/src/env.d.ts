/** True outside the production build: the gallery of components and pages exists. */
declare const __GALLERY__: boolean;
