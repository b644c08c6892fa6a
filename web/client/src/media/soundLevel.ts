/** Reports how loud the microphone is (0…1), ten times a second, until the returned function is called. */
export function soundLevel(stream: MediaStream, told: (level: number) => void): () => void {
  const Context = window.AudioContext
  if (!Context || !stream.getAudioTracks().length) return () => undefined
  const context = new Context()
  const analyser = context.createAnalyser()
  analyser.fftSize = 512
  context.createMediaStreamSource(stream).connect(analyser)
  const samples = new Uint8Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(samples)
    let peak = 0
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample - 128) / 128)
    told(Math.min(1, peak * 1.6))
  }, 100)
  return () => {
    clearInterval(timer)
    void context.close()
  }
}
