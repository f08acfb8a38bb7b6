using System.Runtime.InteropServices;
using PostTrainGate.Cli;
using PostTrainGate.Cli.Init;
using PostTrainGate.Data;
using PostTrainGate.Models;
using PostTrainGate.Models.Onnx;
using PostTrainGate.Reading;
using SkiaSharp;
using Xunit;
using static TorchSharp.torch;

namespace PostTrainGate.Tests.Cli;

/// <summary>The first policy, from real models and data.</summary>
public sealed partial class InitTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_policy_of_credit_is_found_out_and_its_first_build_is_red()
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        var (code, said, error) = await Run();
        Assert.True(code == 0, error);
        var text = Policy();
        Assert.StartsWith(
            "# yaml-language-server: $schema=posttraingate.schema.json\n",
            text,
            StringComparison.Ordinal
        );
        Assert.True(File.Exists(_folder.Path("posttraingate.schema.json")));
        // As the sample's own policy has it.
        Assert.Contains("\n  label: credit ", text, StringComparison.Ordinal);
        Assert.Contains("\n  favorable: good ", text, StringComparison.Ordinal);
        Assert.Contains("\n    except: [personal_status] ", text, StringComparison.Ordinal);
        Assert.Contains("\n    scale: minmax ", text, StringComparison.Ordinal);
        Assert.Contains("\n  age: { where: 'age > 25' } ", text, StringComparison.Ordinal);
        Assert.Contains("Label: credit. It is a guess; '--label COL' names another.", said, StringComparison.Ordinal);
        Assert.Contains("Next: posttraingate check ", said, StringComparison.Ordinal);
        // What stands there as a comment is right as soon as it is none.
        var listed = text.Replace("# categories:", "categories:", StringComparison.Ordinal);
        Assert.Equal(
            [new("sex", ["female", "male"])],
            PolicyReader.ReadText(listed, _folder.Path("posttraingate.yml")).Policy!.Data.Features.Categories
        );

        using var place = new Workplace();
        Assert.Equal(1, await Command(place.Host, "check", _folder.Root, "--no-repair"));
        Assert.Contains("Failed: ", place.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task At_most_three_questions_are_asked_and_their_answers_count()
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        List<Question> asked = [];
        var (code, _, error) = await Run(question =>
        {
            asked.Add(question);
            return asked.Count switch
            {
                1 => question.Guess,
                2 => ["sex"],
                _ => ["bad"],
            };
        });
        Assert.True(code == 0, error);
        Assert.Equal(3, asked.Count);
        Assert.Equal(["credit"], asked[0].Guess);
        Assert.Contains("age", asked[1].Guess);
        Assert.Equal(["good"], asked[2].Guess);
        var policy = PolicyReader.Read(_folder.Path("posttraingate.yml")).Policy!;
        Assert.Equal("bad", policy.Data.Favorable);
        Assert.Equal("sex", Assert.Single(policy.Groups).Name);
    }

    [Fact]
    public async Task Arrays_work_too()
    {
        Copy("tests/PostTrainGate.Cli.Tests/Cases/npz_flatten_open12", "model.onnx", "data.npz");
        await Reads("data.npz");
    }

    // Ids 0 to 4 are words of praise and 5 to 9 words of blame; the model takes the mean of what its table says of them.
    [Theory]
    [InlineData("Int64", true)]
    [InlineData("Float", true)]
    [InlineData("Int64", false)]
    public async Task A_model_of_ids_is_given_no_epsilon_but_a_gate_on_each_class(string type, bool isLookup)
    {
        OnnxWriter model = new([4]);
        var ids = model.Node("Cast", ["input"], ("to", isLookup ? 7L : 1L));
        if (isLookup)
            model.Node("Gather", [model.Initializer("words", where(arange(10).lt(5), 1f, -1f)), ids]);
        else
            model.Node("Sub", [model.Initializer("middle", tensor(4.5f)), ids]);
        model.Then("ReduceMean", ("axes", new long[] { 1 }), ("keepdims", 1L));
        model.Gemm(
            tensor(
                new float[,]
                {
                    { -1 },
                    { 1 },
                }
            ),
            tensor([0f, 0])
        );
        var file = model.Build("logits", -1, 2);
        file.Graph.Input[0].Type.TensorType.ElemType = (int)Enum.Parse<TensorProto.Types.DataType>(type);
        OnnxFile.Write(_folder.Path("model.onnx"), file);
        var rows = Enumerable
            .Range(0, 300)
            .Select(i => new[] { i * 7 % 10, i * 3 % 10, i * i % 10, i / 10 % 10 })
            .Select(w => $"{string.Join(',', w)},{(w.Count(id => id < 5) >= 2 ? "good" : "bad")}");
        _folder.Write("texts.csv", $"a,b,c,d,opinion\n{string.Join('\n', rows)}\n");
        var (code, _, error) = await Run(null, "texts.csv");
        Assert.True(code == 0, error);
        var policy = PolicyReader.Read(_folder.Path("posttraingate.yml")).Policy!;
        Assert.Equal(
            ["accuracy", isLookup ? "rate_minimum" : "robust_accuracy"],
            policy.Gates.Select(g => g.Metric.Name)
        );
        Assert.Equal(isLookup, Policy().Contains("\n  # no attack: the inputs are ids, ", StringComparison.Ordinal));
        using var place = new Workplace();
        Assert.NotEqual(2, await Command(place.Host, "check", _folder.Root, "--no-repair"));
        Assert.Equal(0, await Command(place.Host, "inspect", _folder.Path("model.onnx")));
        Assert.Equal(isLookup, place.Out.Contains("ids that a table is looked up by", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Images_work_too(bool isFolder)
    {
        File.Copy(Fixtures.Path("fmnist/lenet5.onnx"), _folder.Path("model.onnx"));
        var (images, labels) = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz");
        foreach (var name in new[] { images, labels })
            File.Copy(
                Fixtures.Debian($"/usr/share/datasets/fashion-mnist/{name}", "dataset-fashion-mnist"),
                _folder.Path(name)
            );
        if (isFolder)
            Unpack(_folder.Path(images), _folder.Path(labels), 300);
        await Reads(isFolder ? "photos" : images);
        var policy = PolicyReader.Read(_folder.Path("posttraingate.yml")).Policy!;
        Assert.Equal(1 / 255.0, policy.Input.Scale);
        Assert.Equal(isFolder ? null : labels, policy.Data.LabelFile?.Text);
    }

    // A folder of images for each class.
    private void Unpack(string images, string labels, int count)
    {
        using var scope = NewDisposeScope();
        var (pixels, classes) = (
            IdxFile.Read(images).data<byte>().ToArray(),
            IdxFile.Read(labels).data<byte>().ToArray()
        );
        for (var i = 0; i < count; i++)
        {
            using var image = new SKBitmap(28, 28, SKColorType.Gray8, SKAlphaType.Opaque);
            Marshal.Copy(pixels, i * 784, image.GetPixels(), 784);
            Directory.CreateDirectory(_folder.Path($"photos/{classes[i]}"));
            using var file = File.Create(_folder.Path($"photos/{classes[i]}/{i}.png"));
            image.Encode(file, SKEncodedImageFormat.Png, 100);
        }
    }

    [Fact]
    public async Task A_file_that_is_there_stays_without_force()
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        _folder.Write("posttraingate.yml", "mine");
        var (code, _, error) = await Run();
        Assert.Equal(2, code);
        Assert.Matches(@"posttraingate\.yml: error PTG6005: .*'--force'", error);
        Assert.Equal("mine", Policy());
    }

    [Theory]
    [InlineData("credit.csv", "model.onnx", "PTG1008: The model comes first: posttraingate init ")]
    [InlineData("nowhere.onnx", "credit.csv", "PTG2001: There is no such file")]
    [InlineData("model.onnx", "nowhere.csv", "PTG3001: There is no such file")]
    [InlineData("credit.csv.onnx", "credit.csv", "PTG2001: ")]
    [InlineData("model.onnx", "credit.csv", "PTG3002: '--label' names the column 'credits', ", "--label", "credits")]
    [InlineData("model.onnx", "credit.csv", "PTG2004: ", "--except", "age")]
    [InlineData("model.onnx", "credit.csv", "whose level 'no' has 37 rows of the 50 ", "--sensitive", "foreign_worker")]
    [InlineData("model.onnx", "credit.csv", "which has 10 levels, not 2 to 8; ", "--sensitive", "purpose")]
    public async Task What_cannot_be_used_is_named(string model, string data, string error, params string[] options)
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        _folder.Write("credit.csv.onnx", "this is no model");
        using var place = new Workplace();
        var code = await Command(
            place.Host,
            ["init", _folder.Path(model), _folder.Path(data), "--output", _folder.Path("posttraingate.yml"), .. options]
        );
        Assert.Equal(2, code);
        Assert.Contains(error, place.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.Path("posttraingate.yml")));
    }

    [Fact]
    public async Task Files_outside_of_the_policys_folder_are_refused()
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        using var place = new Workplace();
        string[] args = ["init", _folder.Path("model.onnx"), _folder.Path("credit.csv")];
        Assert.Equal(2, await Command(place.Host, [.. args, "--output", place.Folder.Path("p.yml")]));
        Assert.Contains("PTG1008: A policy names only files in its own folder", place.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.onnx", "did you mean 'posttraingate init ")]
    [InlineData("credit.csv", "did you mean 'posttraingate init MODEL ")]
    [InlineData("other.yml", "write one with 'posttraingate init MODEL DATA'")]
    public async Task A_check_of_something_else_points_here(string given, string hint)
    {
        Copy("samples/credit", "model.onnx", "credit.csv");
        using var place = new Workplace();
        Assert.Equal(2, await Command(place.Host, "check", _folder.Path(given)));
        Assert.Contains("PTG1001", place.Error, StringComparison.Ordinal);
        Assert.Contains(hint, place.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain_name", "plain_name")]
    [InlineData("two words", "two words")]
    [InlineData("yes", "\"yes\"")]
    [InlineData("1", "\"1\"")]
    [InlineData("a, b] #", "\"a, b] #\"")]
    [InlineData("say \"\\\"", "\"say \\\"\\\\\\\"\"")]
    public void Names_stay_what_they_are_in_yaml(string name, string expected) =>
        Assert.Equal(expected, Draft.Yaml(name));

    private async Task Reads(string data)
    {
        var (code, _, error) = await Run(null, data);
        Assert.True(code == 0, error);
        var (policy, wrong) = PolicyReader.Read(_folder.Path("posttraingate.yml"));
        Assert.Empty(wrong);
        Assert.Equal(["accuracy", "robust_accuracy"], policy!.Gates.Select(g => g.Metric.Name));
    }

    private string Policy() => File.ReadAllText(_folder.Path("posttraingate.yml"));

    private void Copy(string from, params string[] names)
    {
        foreach (var name in names)
            File.Copy(Path.Combine(Fixtures.Repository, from, name), _folder.Path(name));
    }

    private async Task<(int Code, string Out, string Error)> Run(AskPerson? ask = null, string data = "credit.csv")
    {
        using var place = new Workplace();
        var code = await Command(
            place.Host with
            {
                Ask = ask,
            },
            "init",
            _folder.Path("model.onnx"),
            _folder.Path(data),
            "--output",
            _folder.Path("posttraingate.yml")
        );
        return (code, place.Out, place.Error);
    }

    private static Task<int> Command(CliHost host, params string[] args) =>
        CommandLine.RunAsync(args, host, TestContext.Current.CancellationToken);
}
