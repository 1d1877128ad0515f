"""The ports of the tests in Python, as net_test.cpp has them for those in C++."""

import errno
import pathlib
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import support  # noqa: E402

IP_LOCAL_PORT_RANGE = 51  # Linux 6.3


def any_port_but_only(port):
    """A socket for which the kernel, when it has to choose a port, has no other choice."""
    chooser = socket.socket()
    try:
        chooser.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", port << 16 | port))
    except OSError as error:
        chooser.close()
        raise unittest.SkipTest("this kernel is older than 6.3 (IP_LOCAL_PORT_RANGE)") from error
    return chooser


class FreePort(unittest.TestCase):
    def test_it_is_never_given_twice(self):
        ports = [support.free_port() for _ in range(200)]
        self.assertEqual(len(set(ports)), len(ports))

    def test_it_is_not_chosen_for_an_outgoing_connection(self):
        with socket.create_server(("127.0.0.1", 0)) as server, any_port_but_only(support.free_port()) as client:
            with self.assertRaises(OSError) as caught:
                client.connect(server.getsockname())
            self.assertEqual(caught.exception.errno, errno.EADDRNOTAVAIL)

    def test_it_is_not_given_to_who_asks_for_any_port(self):
        for shares in (0, 1):
            with any_port_but_only(support.free_port()) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shares)
                with self.assertRaises(OSError) as caught:
                    other.bind(("127.0.0.1", 0))
                self.assertEqual(caught.exception.errno, errno.EADDRINUSE)

    def test_a_server_listens_there_and_may_do_so_again(self):
        port = support.free_port()
        for _ in range(2):
            self.assertFalse(support.port_open(port))
            with socket.create_server(("127.0.0.1", port)):
                self.assertTrue(support.port_open(port))
        self.assertFalse(support.port_open(port))


if __name__ == "__main__":
    unittest.main()
