// Where this user's commands keep what they make for each other, such as tokens: outside of any project, so that nothing of it is
// ever committed. It is named here and made by whoever writes into it.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * `$XDG_STATE_HOME/switchgear`, or `~/.local/state/switchgear` (XDG Base Directory Specification, which wants a relative path to be
 * ignored).
 *
 * @example
 * join(stateFolder(), 'registry-token')
 */
export function stateFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = environment['XDG_STATE_HOME'] ?? ''
  return join(isAbsolute(given) ? given : join(homedir(), '.local', 'state'), 'switchgear')
}
