/** Next looks upwards for a workspace; this folder is all there is. */
export default {
  turbopack: { root: import.meta.dirname },
  outputFileTracingRoot: import.meta.dirname,
};
