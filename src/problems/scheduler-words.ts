/** The scheduler's message for a pod that it retries within seconds: two writers changed the same object. */
export const isPassing = (message: string): boolean => /Operation cannot be fulfilled on|the object has been modified/i.test(message);
