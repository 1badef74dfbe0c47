// What ends a command early through the user's mistake: told in one line or a few, never with a stack. Exit code 1 is for
// what was asked and went wrong, 2 for a command line that cannot be understood.

/** Exit codes of every command. */
export const exitCode: { readonly ok: 0; readonly failed: 1; readonly usage: 2 } = { ok: 0, failed: 1, usage: 2 }

/**
 * A command line that names something that is not there, or says what cannot be.
 *
 * @example
 * throw new UsageError("there is no scenario 'payment-dies'; did you mean payments-dies?")
 */
export class UsageError extends Error {
  override get name(): string {
    return 'UsageError'
  }
}

/**
 * What was asked went wrong in a way that was foreseen, such as a server that does not answer. Exit code 1.
 *
 * @example
 * throw new CommandError('no registry answers at http://127.0.0.1:4330')
 */
export class CommandError extends Error {
  override get name(): string {
    return 'CommandError'
  }
}
