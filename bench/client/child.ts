// What every process that this benchmark starts imports: its words, and that it ends with the one that started it, whatever ends that.
export { argument, say } from '../telemetry/messages.ts'

process.on('disconnect', () => process.exit())
