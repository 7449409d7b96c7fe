/** One bundle, split where the source says `import()`: each command loads only what it needs. */
import { cpSync, rmSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const copyCharts = {
  name: 'copy-charts',
  buildStart: () => rmSync('dist', { recursive: true, force: true }),
  writeBundle: () => cpSync('src/sandbox/charts', 'dist/charts', { recursive: true }),
};

export default defineConfig({
  input: { main: 'src/main.ts' },
  platform: 'node',
  resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'node'] },
  plugins: [copyCharts],
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // Names stay readable in stack traces; white space is kept, so that a trace never prints a line of a megabyte.
    minify: { compress: true, mangle: false, codegen: false },
    legalComments: 'inline',
  },
});
