"""What the lean Elasticsearch needs before it can make API keys.

Its index of users and keys names three parts of text analysis that are not in the lean distribution, and the server cannot make
the index without them. A plugin of one class brings them, compiled against the distribution by the JDK that runs it.
"""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from servers.errors import ProgramMissing

_SOURCE = Path(__file__).with_name("SecurityIndexAnalysis.java")
_CLASS = "capstone.SecurityIndexAnalysis"
_COMPILE_S = 120
_DESCRIPTOR = """description=Text analysis of the security index
version={version}
name=security-index-analysis
classname={name}
java.version={java}
elasticsearch.version={version}
"""


def add_security_index_analysis(home: Path, java_home: Path, version: str, java: int) -> None:
    """Put the compiled plugin into the distribution at `home`. Raises ProgramMissing when there is no compiler."""
    compiler, plugin = java_home / "bin" / "javac", home / "plugins" / "security-index-analysis"
    if not compiler.exists():
        raise ProgramMissing(f"{java_home} runs Java and does not compile it: install a whole JDK, or set ES_JAVA_HOME.")
    classes = plugin / "classes"
    classes.mkdir(parents=True)
    options = ["--release", str(java), "-d", str(classes), "-cp", str(home / "lib" / "*")]
    done = subprocess.run([str(compiler), *options, str(_SOURCE)], capture_output=True, text=True, timeout=_COMPILE_S)
    if done.returncode:
        raise ProgramMissing(f"The plugin of the security index could not be compiled: {done.stderr[-600:]}")
    with zipfile.ZipFile(plugin / "security-index-analysis.jar", "w") as jar:
        for compiled in sorted(classes.rglob("*.class")):
            jar.write(compiled, compiled.relative_to(classes))
            compiled.unlink()
    for folder in sorted(classes.rglob("*"), reverse=True):
        folder.rmdir()
    classes.rmdir()
    (plugin / "plugin-descriptor.properties").write_text(_DESCRIPTOR.format(version=version, name=_CLASS, java=java))
