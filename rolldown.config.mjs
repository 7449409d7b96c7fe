/** One bundle, split where the source says `import()`: each command loads only what it needs. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

/** Old files go after the new ones are there: a program that runs meanwhile still finds its parts. */
const finish = {
  name: 'finish',
  writeBundle: ({ dir }, bundle) => {
    const old = existsSync(join(dir, 'chunks')) ? readdirSync(join(dir, 'chunks')).filter((name) => !(`chunks/${name}` in bundle)) : [];
    for (const name of old) rmSync(join(dir, 'chunks', name));
    cpSync('src/sandbox/charts', join(dir, 'charts'), { recursive: true });
  },
};

export default defineConfig({
  input: { main: 'src/main.ts' },
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
  plugins: [finish],
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // Names stay readable in stack traces; white space is kept, so that a trace never prints a line of a megabyte.
    minify: { compress: true, mangle: false, codegen: false },
    comments: { legal: true },
  },
});
