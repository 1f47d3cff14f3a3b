/** The packages below come without types; what their objects can do is declared where they are used. */
declare module '@cornerstonejs/codec-charls/decodewasmjs' {
  const factory: (options: object) => Promise<unknown>
  export default factory
}
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs' {
  const factory: (options: object) => Promise<unknown>
  export default factory
}
declare module '@cornerstonejs/codec-openjph/wasmjs' {
  const factory: (options: object) => Promise<unknown>
  export default factory
}
declare module '@cornerstonejs/codec-charls/wasmjs' {
  const factory: (options: object) => Promise<unknown>
  export default factory
}
declare module '@cornerstonejs/codec-openjpeg/wasmjs' {
  const factory: (options: object) => Promise<unknown>
  export default factory
}
