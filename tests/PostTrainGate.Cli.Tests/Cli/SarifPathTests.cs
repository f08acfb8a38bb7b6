using System.Text.Json.Nodes;
using PostTrainGate.Cli;
using PostTrainGate.Foundation;
using PostTrainGate.Tests.Reporting;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>Paths of an alert are relative to the repository's root, wherever the run was started.</summary>
[Collection(nameof(Alone))] // the working directory belongs to the process
public sealed class SarifPathTests : IDisposable
{
    private const string Folder = "dépôt (v1)/sous dossier/modèle #1";

    private const string Address = "d%C3%A9p%C3%B4t%20%28v1%29/sous%20dossier/mod%C3%A8le%20%231/posttraingate.yml";

    private readonly Workplace _place = new();
    private readonly TemporaryFolder _repository = new();
    private readonly string _before = Directory.GetCurrentDirectory();

    public SarifPathTests()
    {
        foreach (var file in new[] { "models/credit.onnx", "models/history/e1.onnx", "data/german.csv" })
            _repository.Write($"{Folder}/{file}", "x");
        _repository.Write($"{Folder}/posttraingate.yml", Workplace.Policy + "\nreport: { sarif: true }\n");
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory(_before);
        _place.Dispose();
        _repository.Dispose();
    }

    [Theory]
    [InlineData("", Folder, true, null)]
    [InlineData("dépôt (v1)", "sous dossier/modèle #1", true, null)]
    [InlineData(Folder, ".", true, null)]
    [InlineData(Folder, "posttraingate.yml", true, null)]
    [InlineData($"{Folder}/data", "..", true, null)]
    [InlineData("/", "ABSOLUTE", true, null)]
    [InlineData("", "ABSOLUTE", true, "")]
    [InlineData(Folder, ".", false, "")]
    [InlineData("/", "ABSOLUTE", false, "")]
    public async Task The_address_is_relative_to_the_root(
        string from,
        string policy,
        bool isRepository,
        string? workspace
    )
    {
        if (isRepository)
            _ = new GitFolder(_repository.Root);
        if (policy == "ABSOLUTE")
            policy = _repository.Path(Folder);
        if (workspace is not null)
            _place.Variables["GITHUB_WORKSPACE"] = _repository.Path(workspace);
        Directory.SetCurrentDirectory(from == "/" ? "/" : _repository.Path(from));
        var file = policy.EndsWith(".yml", StringComparison.Ordinal)
            ? policy
            : Path.Combine(policy is "." ? "" : policy, "posttraingate.yml");
        Assert.Equal([Address, Address], await AddressesAsync(policy, file));
    }

    [Fact]
    public async Task Outside_of_any_repository_the_address_is_that_of_the_file()
    {
        var file = _repository.Path($"{Folder}/posttraingate.yml");
        Assert.All(await AddressesAsync(file, file), a => Assert.Equal(new Uri(file).LocalPath, new Uri(a).LocalPath));
    }

    // Of a diagnostic with a place and of one without.
    private async Task<string[]> AddressesAsync(string policy, string file)
    {
        var result = SampleResults.Passed with
        {
            Policy = file,
            Diagnostics =
            [
                new("PTG6003", "One.", new(file, 3, 1), Severity.Warning),
                new("PTG6004", "Two.", null, Severity.Warning),
            ],
        };
        var host = _place.Host with { Run = (_, _, _, _) => result };
        Assert.Equal(0, await CommandLine.RunAsync(["check", policy], host, TestContext.Current.CancellationToken));
        var sarif = JsonNode.Parse(File.ReadAllText(_repository.Path($"{Folder}/posttraingate-report/gate.sarif")))!;
        return
        [
            .. sarif["runs"]![0]!["results"]!
                .AsArray()
                .Select(r => (string)r!["locations"]![0]!["physicalLocation"]!["artifactLocation"]!["uri"]!),
        ];
    }
}
