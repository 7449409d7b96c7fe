/** Marks the inspection of an absent resource: it is created without a second check, since creation fails if it exists by then. */
import type { Inspection } from '../engine/types.ts';

export const willCreate = (found: Inspection): boolean => found.is === 'differs' && found.changes.some(({ action }) => action === 'create');
