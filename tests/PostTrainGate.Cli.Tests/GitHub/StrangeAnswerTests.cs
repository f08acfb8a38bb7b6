using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PostTrainGate.Foundation;
using PostTrainGate.Gating;
using PostTrainGate.Metrics;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

/// <summary>Whatever GitHub, the disk or the size of a result does, the outcome of the gate stands and is
/// told.</summary>
public sealed class StrangeAnswerTests : IDisposable
{
    private readonly FakeGitHub _github = new();
    private readonly Workplace _place = new();

    public StrangeAnswerTests() => Enter();

    public void Dispose()
    {
        _github.Dispose();
        _place.Dispose();
    }

    public static TheoryData<int, string> Bodies =>
        new()
        {
            { 200, "" },
            { 200, "null" },
            { 200, "{}" },
            { 200, "[null]" },
            { 200, "[7]" },
            { 200, "{\"id\":" },
            { 200, "<html>Sign in</html>" },
            { 200, "[{\"id\":99999999999999999999999999,\"body\":[],\"user\":7}]" },
            { 200, "[{\"id\":\"x\",\"user\":{\"login\":{}}}]" },
            { 301, "" },
            { 302, "{}" },
            { 307, "" },
            { 401, "{}" },
            { 403, "null" },
            { 404, "<html>" },
            { 422, "[]" },
            { 500, "" },
            { 502, "<html>" },
        };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task An_answer_of_any_form_costs_the_comment_at_most(int status, string body)
    {
        _github.Interfere = (_, path) =>
            path.Contains("/contents/", StringComparison.Ordinal) || path.Contains("/git/", StringComparison.Ordinal)
                ? null
                : FakeGitHub.Raw(status, body, ("Location", $"{_github.Url}/round/and/round"));
        Assert.Equal(1, await _place.RunAsync(SampleResults.Rejected));
        Assert.Contains("\n::error file=", _place.Out, StringComparison.Ordinal);
        Assert.Contains("## ❌ Failed", File.ReadAllText(_place.Folder.Path("summary.md")), StringComparison.Ordinal);
        if (_github.Comments.Count == 0)
            Assert.Contains("::warning title=PostTrainGate PTG6001::", _place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_without_end_end()
    {
        var page =
            $"[{string.Join(',', Enumerable.Repeat("""{"id":1,"body":"x","user":{"login":"somebody"}}""", 100))}]";
        _github.Interfere = (method, path) =>
            method == "GET" && path.EndsWith("/comments", StringComparison.Ordinal) ? FakeGitHub.Raw(200, page) : null;
        Assert.Equal(0, await _place.RunAsync(SampleResults.Passed));
    }

    [Theory]
    [InlineData("")] // no word
    [InlineData("HTTP/1.1 200 OK\r\n")] // half a head
    // A body that never ends.
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n[")]
    public async Task A_GitHub_that_stalls_costs_the_comment_and_little_time(string words)
    {
        await using var server = new Stalling(words);
        Enter(("GITHUB_API_URL", server.Url), ("GITHUB_GRAPHQL_URL", $"{server.Url}/graphql"));
        var repository = new GitFolder(_place.Folder.Root);
        var sha = repository.Commit("base"); // so that the base is here
        _place.Folder.Write("event.json", FakeGitHub.Event.Replace(FakeGitHub.BaseSha, sha, StringComparison.Ordinal));
        _place.Host = _place.Host with { CommentTime = TimeSpan.FromSeconds(1) };
        Assert.Equal(1, await _place.RunAsync(SampleResults.Rejected));
        Assert.Contains(
            "PTG6001::The pull request comment could not be written (it took longer than 1 s)",
            _place.Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_GitHub_that_stalls_where_the_base_is_gives_no_verdict()
    {
        await using var server = new Stalling("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{");
        Enter(("GITHUB_API_URL", server.Url), ("GITHUB_GRAPHQL_URL", $"{server.Url}/graphql"));
        _place.Host = _place.Host with { BaseTime = TimeSpan.FromSeconds(1), CommentTime = TimeSpan.FromSeconds(1) };
        Assert.Equal(3, await _place.RunAsync(SampleResults.Passed));
        Assert.Contains("it took longer than 1 s", _place.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void All_of_GitHub_has_less_than_a_minute() =>
        Assert.True(_place.Host.BaseTime + _place.Host.CommentTime < TimeSpan.FromMinutes(1));

    [Theory]
    [InlineData("GITHUB_STEP_SUMMARY", "job summary")]
    [InlineData("GITHUB_OUTPUT", "output file")]
    public async Task A_file_of_the_step_that_cannot_be_written_costs_itself_alone(string variable, string words)
    {
        Enter((variable, _place.Folder.Path("models"))); // a folder
        Assert.Equal(1, await _place.RunAsync(SampleResults.Rejected));
        Assert.Contains(
            $"::warning title=PostTrainGate PTG6001::The {words} cannot be written",
            _place.Out,
            StringComparison.Ordinal
        );
        Assert.Single(_github.Comments);
    }

    [Fact]
    public async Task A_report_folder_that_cannot_be_written_costs_the_files_alone()
    {
        Assert.Equal(
            1,
            await _place.RunAsync(
                (_, _, _, _) =>
                {
                    _place.Folder.Write("posttraingate-report", "a file");
                    return SampleResults.Rejected;
                }
            )
        );
        Assert.Contains("PTG6002", _place.Out, StringComparison.Ordinal);
        Assert.StartsWith("<!-- posttraingate", Assert.Single(_github.Comments).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(300, 10)]
    [InlineData(600, 60)]
    [InlineData(5000, 64)]
    public async Task Any_number_of_gates_fits_every_report(int gates, int letters)
    {
        var name = new string('_', letters);
        var one = SampleResults.Undecided.Gates[0];
        ImmutableArray<GateReport> many =
        [
            .. Enumerable
                .Range(0, gates)
                .Select(i =>
                    one with
                    {
                        Title = $"disparate impact by {name}{i}",
                        Position = new("posttraingate.yml", i + 1, 5),
                        Original = (i % 3) switch
                        {
                            0 => one.Original with { Value = 0.83, Lower = 0.7, Upper = 0.96 },
                            1 => new(0.5, 0.4, 0.6, 300, Verdict.Fail) { Notes = [$"The level {name} drives it."] },
                            _ => new(
                                null,
                                null,
                                null,
                                0,
                                Verdict.NotMeasured,
                                $"the group {name} has no row with a favourable label"
                            ),
                        },
                    }
                ),
        ];
        var policy = new GatePolicy
        {
            File = "posttraingate.yml",
            Folder = "/",
            Gates = [],
            Data = new() { Source = new("d", "/d", default) },
        };
        var result = SampleResults.Undecided with { Gates = many, Outcome = RunOutcome.Failed, Diagnostics = [] };
        result = result with
        {
            Diagnostics =
            [
                .. Outcomes.Diagnose(policy, result),
                .. many.Select(g => new Diagnostic(
                    DiagnosticCodes.PolicyChanged,
                    $"The policy changes the threshold of '{g.Title}'.",
                    g.Position,
                    Severity.Warning
                )),
            ],
        };
        Assert.Equal(1, await _place.RunAsync(result));

        var comment = Assert.Single(_github.Comments).Body;
        Assert.InRange(comment.Length, 1000, 65_536);
        Assert.Matches(@"[\d,]+ more: see `gate-result.json`", comment);
        Assert.InRange(new FileInfo(_place.Folder.Path("summary.md")).Length, 1000, 1 << 20);
        Assert.Equal(
            gates,
            GateJson.Parse(File.ReadAllText(_place.Folder.Path("posttraingate-report/gate-result.json"))).Gates.Length
        );
        Assert.InRange(_place.Out.Split('\n').Count(l => l.StartsWith("::error ", StringComparison.Ordinal)), 1, 10);
        Assert.All(Catalog.Default.Reports, r => Assert.NotEmpty(r.Render(result)));
    }

    [Fact]
    public async Task Any_number_of_errors_fits_the_comment()
    {
        Diagnostic[] errors =
        [
            .. Enumerable
                .Range(0, 500)
                .Select(i => new Diagnostic("PTG1006", new string('$', 400), new("posttraingate.yml", i, 1))),
        ];
        Assert.Equal(2, await _place.RunAsync((_, _, _, _) => throw new GateException(errors)));
        Assert.InRange(Assert.Single(_github.Comments).Body.Length, 500, 65_536);
    }

    private void Enter(params (string Name, string? Value)[] changes)
    {
        _place.Host = _github.Host(_place.Folder, changes.ToDictionary(c => c.Name, c => c.Value));
        _place.Host.Out.NewLine = _place.Host.Error.NewLine = "\n";
    }

    /// <summary>Takes every connection, says its words and then nothing any more.</summary>
    private sealed class Stalling : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<TcpClient> _clients = [];
        private readonly Task _work;

        public Stalling(string words)
        {
            _listener.Start();
            _work = ServeAsync(Encoding.ASCII.GetBytes(words));
        }

        public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _work;
            foreach (var client in _clients)
                client.Dispose();
        }

        private async Task ServeAsync(byte[] words)
        {
            try
            {
                while (true)
                {
                    var client = await _listener.AcceptTcpClientAsync();
                    _clients.Add(client);
                    await client.GetStream().WriteAsync(words);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
                // the test is over
            }
        }
    }
}
