/** The room's socket: JSON objects, reopened with growing pauses until it is closed on purpose. */

export type Message = { t: string } & Record<string, unknown>
export type Link = 'connecting' | 'open' | 'lost' | 'closed'

const PAUSES_MS = [400, 800, 1600, 3000, 5000]
const PING_MS = 10_000
const SILENCE_MS = 25_000

export class RoomSocket {
  private socket: WebSocket | undefined
  private attempt = 0
  private heard = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private pulse: ReturnType<typeof setInterval> | undefined
  private stopped = false
  private readonly online = () => this.reopen(0)

  constructor(
    private readonly url: string,
    private readonly heardMessage: (message: Message) => void,
    private readonly linkChanged: (link: Link) => void,
  ) {}

  open(): void {
    window.addEventListener('online', this.online)
    this.connect()
  }

  send(message: Message): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message))
  }

  close(): void {
    this.stopped = true
    window.removeEventListener('online', this.online)
    clearTimeout(this.timer)
    clearInterval(this.pulse)
    this.socket?.close(1000)
    this.linkChanged('closed')
  }

  private connect(): void {
    if (this.stopped) return
    clearTimeout(this.timer)
    this.linkChanged(this.attempt === 0 ? 'connecting' : 'lost')
    const socket = new WebSocket(this.url)
    this.socket = socket
    socket.onmessage = (event) => {
      this.heard = Date.now()
      const message = JSON.parse(String(event.data)) as Message
      if (message.t === 'welcome') {
        this.attempt = 0
        this.linkChanged('open')
      }
      if (message.t !== 'pong') this.heardMessage(message)
    }
    socket.onopen = () => {
      this.heard = Date.now()
      clearInterval(this.pulse)
      this.pulse = setInterval(() => this.beat(socket), PING_MS)
    }
    socket.onclose = () => {
      if (this.socket !== socket) return
      clearInterval(this.pulse)
      this.reopen(PAUSES_MS[Math.min(this.attempt++, PAUSES_MS.length - 1)]!)
    }
  }

  /** A phone that changed networks keeps a dead socket "open" for minutes; silence tells it. */
  private beat(socket: WebSocket): void {
    if (Date.now() - this.heard > SILENCE_MS) {
      socket.onclose = null
      socket.close()
      this.attempt++
      this.connect()
    } else this.send({ t: 'ping' })
  }

  private reopen(pause: number): void {
    if (this.stopped || this.socket?.readyState === WebSocket.OPEN) return
    this.linkChanged('lost')
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.connect(), pause + Math.random() * pause * 0.3)
  }
}

export function socketAddress(path: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${scheme}//${location.host}${path}`
}
