using System.Net;
using System.Net.Sockets;
using System.Text;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;

namespace PostTrainGate.Fuzz;

/// <summary>Answers of GitHub: the bytes of a body or of a whole reply, to every request that a run makes.</summary>
internal static class GitHubReplies
{
    private const string Sha = "0123456789abcdef0123456789abcdef01234567";

    /// <summary>Answers that are right.</summary>
    public static IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            $$"""{"sha":"{{Sha}}","commit":{"sha":"{{Sha}}"},"parents":[]}""",
            """[{"id":1,"body":"x","user":{"login":"github-actions[bot]"}}]""",
            """[{"type":"file","encoding":"base64","size":1,"name":"a","path":"a","content":"YQ==","sha":"1"}]""",
            $$$"""{"number":1,"head":{"sha":"{{{Sha}}}"},"base":{"sha":"{{{Sha}}}"}}""",
            """{"data":{"viewer":{"login":"somebody"}}}""",
            "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: "
                + "chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    /// <summary>Words of replies.</summary>
    public static IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "null",
            "{}",
            "[]",
            "\"id\":",
            "99999999999999999999",
            "\"body\":",
            "Location: ",
            "Content-Length: -1\r\n",
            "HTTP/1.1 ",
            "<html>",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    /// <summary>Any JSON.</summary>
    public static byte[] Generate(Random random) => Encoding.UTF8.GetBytes(Value(random, 0));

    /// <summary>A server for one thread, and the calls of a run.</summary>
    public static Action<byte[]> Open(string folder)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0); // as long as the process
        listener.Start();
        byte[] answer = [];
        _ = Task.Run(async () =>
        {
            while (true)
                _ = Serve(await listener.AcceptTcpClientAsync(), () => answer);
        });
        var address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        var host = new CliHost
        {
            Out = TextWriter.Null,
            Error = TextWriter.Null,
            RetryWait = TimeSpan.FromMilliseconds(1),
            Variable = name =>
                name switch
                {
                    "GITHUB_TOKEN" => "none",
                    "GITHUB_REPOSITORY" => "owner/name",
                    "GITHUB_API_URL" => address,
                    "GITHUB_GRAPHQL_URL" => $"{address}/graphql",
                    _ => null,
                },
        };
        return input =>
        {
            answer = input;
            var refused = Ask(host).GetAwaiter().GetResult();
            if (refused is not null)
                throw Targets.Refused(refused);
        };
    }

    // What a run asks of GitHub; a refusal in words where nothing is had.
    private static async Task<string?> Ask(CliHost host)
    {
        var (refused, answered) = ((string?)null, false);
        await Try(api => api.ObjectAsync(Sha, default));
        await Try(api => api.ReadFileAsync("posttraingate.yml", Sha, default));
        await Try(api =>
            new PullRequestComment(api, 1, Sha).UpsertAsync(
                CommentMarker.For("p", (1, 1)),
                "text",
                create: true,
                default
            )
        );
        return answered ? null : refused;

        async Task Try(Func<GitHubApi, Task> call)
        {
            try
            {
                await call(GitHubApi.Open(host, TimeSpan.FromSeconds(1))!);
                answered = true;
            }
            catch (BaseUnreadableException unread)
            {
                refused = unread.Message;
            }
            catch (Exception e)
            {
                refused = GitHubApi.Why(e);
            }
        }
    }

    private static async Task Serve(TcpClient client, Func<byte[]> answer)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                if (await stream.ReadAsync(new byte[1 << 16]) == 0)
                    return;
                var bytes = answer();
                if (!bytes.AsSpan().StartsWith("HTTP/"u8))
                    await stream.WriteAsync(
                        Encoding.ASCII.GetBytes(
                            $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: "
                                + $"close\r\nContent-Length: {bytes.Length}\r\n\r\n"
                        )
                    );
                await stream.WriteAsync(bytes);
                client.Client.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The other side has gone.
            }
        }
    }

    private static string Value(Random random, int depth) =>
        random.Next(depth > 4 ? 5 : 8) switch
        {
            0 => "null",
            1 => random.Next(2) == 0 ? "true" : "false",
            2 => $"{random.NextInt64(long.MinValue, long.MaxValue)}",
            3 => "\"\"",
            4 => $"\"{Sha}\"",
            5 => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth + 1)))}]",
            _ => $"{{{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => Pair(random, depth)))}}}",
        };

    private static string Pair(Random random, int depth) => $"\"{Key(random)}\":{Value(random, depth + 1)}";

    private static string Key(Random random) =>
        (
            (string[])
                [
                    "id",
                    "sha",
                    "body",
                    "user",
                    "login",
                    "type",
                    "encoding",
                    "content",
                    "size",
                    "head",
                    "base",
                    "commit",
                    "data",
                    "viewer",
                    "parents",
                    "number",
                    "path",
                    "name",
                ]
        )[random.Next(18)];
}
