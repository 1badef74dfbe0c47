// switchgear: the command line of the platform, for programs that bring their own terminal, and what a file says as objects.
export { directoryFrom, type DirectorySurroundings } from './discovering/directory-from.ts'
export { run } from './program.ts'
export { type Emphasis, type Terminal } from './terminal.ts'
