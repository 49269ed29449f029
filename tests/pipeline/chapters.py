"""The chapters of a file as FFmpeg reads them."""
import json
import subprocess


def chapters(path):
    """(microseconds, title) of each."""
    done = subprocess.run(['ffprobe', '-v', 'error', '-of', 'json', '-show_chapters', path], check=True, capture_output=True,
                          text=True)
    assert not done.stderr, done.stderr
    found = json.loads(done.stdout)['chapters']
    assert all(c['time_base'] == '1/10000000' for c in found), found
    return [(c['start'] // 10, c.get('tags', {}).get('title', '')) for c in found]
