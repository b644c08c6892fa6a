"""The two sides of a call as a browser page would write them; the test carries offers and answers."""

GATHERED = """pc => new Promise(done => {
  const finish = () => done(pc.localDescription.sdp);
  if (pc.iceGatheringState === 'complete') return finish();
  pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && finish();
  setTimeout(finish, 1500);
})"""

PUBLISH = f"""async () => {{
  const media = await navigator.mediaDevices.getUserMedia({{audio: true, video: {{width: 960, height: 540}}}});
  const pc = window.publishing = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}});
  for (const track of media.getTracks()) pc.addTransceiver(track, {{direction: 'sendonly', streams: [media]}});
  await pc.setLocalDescription(await pc.createOffer());
  return await ({GATHERED})(pc);
}}"""

SUBSCRIBE = f"""async () => {{
  const pc = window.watching = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}});
  const video = window.video = document.createElement('video');
  video.autoplay = video.muted = true;
  document.body.append(video);
  pc.ontrack = event => {{ if (event.track.kind === 'video') video.srcObject = event.streams[0]; }};
  pc.addTransceiver('video', {{direction: 'recvonly'}});
  pc.addTransceiver('audio', {{direction: 'recvonly'}});
  pc.addTransceiver('audio', {{direction: 'recvonly'}});
  await pc.setLocalDescription(await pc.createOffer());
  return await ({GATHERED})(pc);
}}"""

ACCEPT = "async ([name, sdp]) => { await window[name].setRemoteDescription({type: 'answer', sdp}); }"

STATISTICS = """async name => {
  const found = [];
  (await window[name].getStats()).forEach(s => {
    if (['inbound-rtp', 'outbound-rtp'].includes(s.type)) found.push(s);
  });
  return found;
}"""

PLAYING = "() => window.video.videoWidth > 0 && window.video.currentTime > 1"
SENDS_MORE_THAN = """async bits => {
  let most = 0;
  (await window.publishing.getStats()).forEach(s => { most = Math.max(most, s.targetBitrate || 0); });
  return most > bits;
}"""
