using PostTrainGate.Cli;
using PostTrainGate.Gating;
using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;

namespace PostTrainGate.Tests.Cases;

/// <summary>A folder beside this file, copied, with the command line run on it.</summary>
internal sealed class CaseFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Copies a case, and changes its policy.</summary>
    public CaseFolder(string name, params (string From, string To)[] changes)
    {
        var source = Of(name);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = _folder.Path(Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        var policy = _folder.Path("posttraingate.yml");
        foreach (var (from, to) in changes)
            File.WriteAllText(policy, File.ReadAllText(policy).Replace(from, to, StringComparison.Ordinal));
    }

    /// <summary>Full path of a file or folder of the cases themselves.</summary>
    public static string Of(string relative) =>
        Path.Combine(Fixtures.Repository, "tests/PostTrainGate.Cli.Tests/Cases", relative);

    /// <summary>Adds a file to the copy.</summary>
    public void Add(string file, string name) => File.Copy(file, _folder.Path(name), overwrite: true);

    /// <summary>Full path of something in the copy.</summary>
    public string this[string file] => _folder.Path(file);

    /// <summary>Exit code, all that was written to either output, and the result where there is one.</summary>
    public async Task<(int Code, string Text, GateResult? Result)> CheckAsync(params string[] options)
    {
        using var place = new Workplace();
        var code = await CommandLine.RunAsync(
            ["check", _folder.Root, "--no-repair", "--no-cache", .. options],
            place.Host,
            default
        );
        var json = _folder.Path("posttraingate-report/gate-result.json");
        return (
            code,
            place.Out + place.Error,
            File.Exists(json) ? GateJson.Parse(await File.ReadAllTextAsync(json)) : null
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}
