// switchgear: the command line of the platform, for programs that bring their own terminal.
export { run } from './program.ts'
export { type Emphasis, type Terminal } from './terminal.ts'
