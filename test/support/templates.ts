/** The template files of this repository, as `design()` wants them. */
import { readFileSync } from 'node:fs';
import type { Templates } from '../../src/design/template.ts';

export const templates: Templates = (name) => readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8');
