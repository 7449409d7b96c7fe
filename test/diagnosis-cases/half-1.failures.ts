/** Every second case, from case 1 on. */
import { half } from './halves.ts';
import { runCases } from './run-cases.ts';

runCases(half(1));
