"""A phone's browser of late 2020: Qt WebEngine 5.15, that is Chromium 87, driven over standard input and output.

Runs under the interpreter of the system, for PyQt5 is a package of the distribution. One JSON object a line each way:
`open` an address, `run` a script, `click` at a point, `grab` a picture into a file. Every answer carries the page's
address and the errors that it has written to its console since the last one. The end of the input ends the process.
"""

# PyQt5 has no place in the virtual environment, so its types are not known there.
# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from PyQt5.QtCore import QEvent, QObject, QPoint, QPointF, Qt, QUrl, pyqtSignal
from PyQt5.QtGui import QMouseEvent
from PyQt5.QtTest import QTest
from PyQt5.QtWebEngineWidgets import (
    QWebEnginePage,
    QWebEngineProfile,
    QWebEngineScript,
    QWebEngineSettings,
    QWebEngineView,
)
from PyQt5.QtWidgets import QApplication

WIDTH, HEIGHT = 390, 844
FRAME = 20  # milliseconds
OWN_WORLD = QWebEngineScript.ApplicationWorld  # our script sees the document, and nothing of the page's own objects


class Page(QWebEnginePage):
    """Keeps what the console complains about; grants camera and microphone, as a person would."""

    def __init__(self, profile: QWebEngineProfile, parent: QObject) -> None:
        super().__init__(profile, parent)
        self.troubles: list[str] = []
        self.featurePermissionRequested.connect(self._grant)
        self.renderProcessTerminated.connect(lambda status, code: self.troubles.append(f"renderer ended: {code}"))

    def javaScriptConsoleMessage(self, level: int, message: str, line: int, source: str) -> None:  # noqa: N802 (Qt's)
        if level == QWebEnginePage.ErrorMessageLevel:
            self.troubles.append(f"{source}:{line}: {message}")

    def _grant(self, origin: QUrl, feature: int) -> None:
        self.setFeaturePermission(origin, feature, QWebEnginePage.PermissionGrantedByUser)


class Phone(QObject):
    asked = pyqtSignal(str)
    hung_up = pyqtSignal()

    def __init__(self, helper: str) -> None:
        super().__init__()
        profile = QWebEngineProfile(self)  # off the record
        profile.setHttpAcceptLanguage("zh-CN,zh;q=0.9")
        profile.scripts().insert(_injected(helper))
        self.page = Page(profile, self)
        self.page.settings().setAttribute(QWebEngineSettings.ShowScrollBars, False)
        self.view = QWebEngineView()
        self.view.setPage(self.page)
        self.view.resize(WIDTH, HEIGHT)
        self.view.show()
        self.asked.connect(self._do)
        self._opening = False
        self.page.loadFinished.connect(self._opened)

    def listen(self) -> None:
        for line in sys.stdin:
            self.asked.emit(line)
        self.hung_up.emit()

    def _do(self, line: str) -> None:
        order = json.loads(line)
        match order["do"]:
            case "open":
                self._opening = True
                self.page.load(QUrl(order["url"]))
            case "run":
                self.page.runJavaScript(order["script"], OWN_WORLD, self._answer)
            case "click":
                QTest.mouseClick(self.view.focusProxy(), Qt.LeftButton, Qt.NoModifier, QPoint(order["x"], order["y"]))
                self._answer(True)
            case "drag":
                self._drag([QPoint(x, y) for x, y in order["points"]])
            case "grab":
                self._grab(order["file"])

    def _drag(self, points: list[QPoint]) -> None:
        surface = self.view.focusProxy()
        QTest.mousePress(surface, Qt.LeftButton, Qt.NoModifier, points[0])
        for point in points[1:]:  # QTest moves the machine's pointer, and here is none
            move = QMouseEvent(QEvent.MouseMove, QPointF(point), Qt.LeftButton, Qt.LeftButton, Qt.NoModifier)
            QApplication.sendEvent(surface, move)
            QTest.qWait(FRAME)  # the engine merges movements of one frame
        QTest.mouseRelease(surface, Qt.LeftButton, Qt.NoModifier, points[-1])
        self._answer(True)

    def _grab(self, file: str) -> None:
        QTest.qWait(4 * FRAME)  # what the page has drawn is handed on to the window
        self._answer(self.view.grab().save(file))

    def _opened(self, loaded: bool) -> None:
        if self._opening:
            self._opening = False
            self._answer(loaded)

    def _answer(self, value: Any) -> None:
        troubles, self.page.troubles = self.page.troubles, []
        said = {"value": value, "address": self.page.url().toString(), "troubles": troubles}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _injected(source: str) -> QWebEngineScript:
    script = QWebEngineScript()
    script.setName("helper")
    script.setSourceCode(source)
    script.setInjectionPoint(QWebEngineScript.DocumentCreation)
    script.setWorldId(OWN_WORLD)
    return script


def main() -> None:
    app = QApplication(sys.argv[:1])
    phone = Phone(Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))
    phone.hung_up.connect(app.quit)
    threading.Thread(target=phone.listen, daemon=True).start()
    app.exec_()
    phone.view.setPage(None)


if __name__ == "__main__":
    main()
