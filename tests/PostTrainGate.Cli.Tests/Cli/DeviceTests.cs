using PostTrainGate.Cli.Engine;
using PostTrainGate.Torch;
using Xunit;

namespace PostTrainGate.Tests.Cli;

/// <summary>A device that is asked for, on a machine that has none of the libraries it needs.</summary>
[Collection(nameof(Alone))]
public sealed class DeviceTests : IDisposable
{
    private readonly Workplace _place = new(
        """
        version: 1
        model: model.onnx
        data: { source: digits.csv, label: digit }
        input: { scale: 1/16 }
        gates:
          - robust_accuracy: { attack: fgsm, norm: linf, epsilon: 0.01, samples: 100, min: 0.1 }
        device: cuda
        """
    );

    public DeviceTests()
    {
        foreach (var name in new[] { "model.onnx", "digits.csv" })
            File.Copy(Path.Combine(Fixtures.Repository, "samples/digits", name), _place.Folder.Path(name));
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(ComputeDevice.LibtorchVariable, null);
        _place.Dispose();
    }

    [Fact]
    public async Task Without_it_nothing_is_measured_and_the_line_of_the_policy_says_what_to_do()
    {
        var code = await RunAsync();
        Assert.Equal(2, code);
        Assert.Matches(@"posttraingate\.yml\(7,1\): error PTG2010: .*its libraries are not there", Said);
        Assert.Contains(ComputeDevice.LibtorchVariable, Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_either_will_do_the_processor_computes_and_the_report_says_so()
    {
        var code = await RunAsync("--device", "auto");
        Assert.True(code == 0, Said);
        Assert.Contains("PTG2010: The model computes on the processor", Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_without_a_library_is_named()
    {
        Environment.SetEnvironmentVariable(ComputeDevice.LibtorchVariable, _place.Folder.Root);
        Assert.Equal(2, await RunAsync());
        Assert.Matches("PTG2010: .*libc10.so' does not exist", Said);
    }

    // With the libraries of the tool in the place of those with CUDA, as far as they go.
    [Fact]
    public async Task Libraries_of_a_folder_are_those_that_the_engine_runs_with()
    {
        var folder = _place.Folder.Path("lib");
        Directory.CreateDirectory(folder);
        var tools = Path.Combine(AppContext.BaseDirectory, "runtimes/linux-x64/native");
        foreach (
            var (name, from) in new[] { "c10", "torch_cpu", "torch" }
                .Select(n => (n, n))
                .Concat([("c10_cuda", "shm"), ("torch_cuda", "shm")])
        )
            File.Copy(Path.Combine(tools, $"lib{from}.so"), Path.Combine(folder, $"lib{name}.so"));
        File.Copy(Path.Combine(tools, "libgomp-98b21ff3.so.1"), Path.Combine(folder, "libgomp-98b21ff3.so.1"));
        Environment.SetEnvironmentVariable(ComputeDevice.LibtorchVariable, folder);
        Assert.Equal(2, await RunAsync());
        Assert.Matches("PTG2010: .*libtorch finds no graphics card", Said);
        Assert.Equal(0, await RunAsync("--device", "cpu"));
    }

    private string Said => _place.Out + _place.Error;

    private Task<int> RunAsync(params string[] more) =>
        _place.RunAsync(SupervisedEngine.Run, ["--no-cache", "--no-repair", "--verbosity", "detailed", .. more]);
}
