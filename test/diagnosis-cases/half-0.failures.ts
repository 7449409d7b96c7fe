/** Every second case, from case 0 on. */
import { half } from './halves.ts';
import { runCases } from './run-cases.ts';

runCases(half(0));
