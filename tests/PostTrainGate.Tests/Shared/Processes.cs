using System.Diagnostics;

namespace PostTrainGate.Tests;

/// <summary>Runs another program to its end.</summary>
internal static class Processes
{
    /// <summary>Exit code and what it printed; standard error goes into the message of a failure only.</summary>
    public static (int Code, string Output, string Error) Run(
        string program,
        IEnumerable<string> arguments,
        string input = "",
        string? folder = null,
        Dictionary<string, string?>? variables = null
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in variables ?? [])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }
}
