using PostTrainGate.Reporting;
using PostTrainGate.Tests.Cli;

namespace PostTrainGate.Tests.Cases;

/// <summary>A copy of one of the cases beside this file, and the command line run on it in this process.</summary>
internal sealed class CaseFolder : IDisposable
{
    private readonly Workplace _place = new();

    public CaseFolder(string relative)
    {
        var source = Of(relative);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            Add(file, Path.GetRelativePath(source, file));
    }

    /// <summary>Full path of a file or folder of the cases.</summary>
    public static string Of(string relative) => Path.Combine(Fixtures.Repository, "tests/PostTrainGate.Tests/Cases", relative);

    public string Out => _place.Out + _place.Error;

    public void Add(string file, string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_place.Folder.Path(name))!);
        File.Copy(file, _place.Folder.Path(name), overwrite: true);
    }

    public void Write(string name, string text) => _place.Folder.Write(name, text);

    /// <summary>Measures; the result is null where there is none.</summary>
    public async Task<(int Code, GateResult? Result)> CheckAsync(params string[] args)
    {
        var code = await _place.RunAsync(Gate.Run, ["--no-repair", "--no-cache", .. args]);
        var json = _place.Folder.Path("posttraingate-report/gate-result.json");
        return (code, File.Exists(json) ? GateJson.Parse(File.ReadAllText(json)) : null);
    }

    public void Dispose() => _place.Dispose();
}
