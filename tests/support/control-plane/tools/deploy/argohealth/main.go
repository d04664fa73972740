// SPDX-License-Identifier: Apache-2.0

// argohealth runs a health script as Argo CD does, in the same Lua machine and with the same few
// libraries: `argohealth SCRIPT` writes a line for each object on stdin, with kind, name, status and
// message.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	luajson "layeh.com/gopher-json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "argohealth:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("needs the path of a health script")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(os.Stdin, 4096)
	for {
		var document runtime.RawExtension
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(document.Raw) == 0 || string(document.Raw) == "null" {
			continue
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(document.Raw); err != nil {
			return err
		}
		if err := judge(string(script), &object); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

func judge(script string, object *unstructured.Unstructured) error {
	machine := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer machine.Close()
	// No os, io or package: as in Argo CD.
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		machine.Push(machine.NewFunction(open))
		machine.Push(lua.LString(name))
		machine.Call(1, 0)
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	value, err := luajson.Decode(machine, text)
	if err != nil {
		return err
	}
	machine.SetGlobal("obj", value)
	if err := machine.DoString(script); err != nil {
		return err
	}
	result, ok := machine.Get(-1).(*lua.LTable)
	if !ok {
		return fmt.Errorf("the script returns a %s, not a table", machine.Get(-1).Type())
	}
	fmt.Printf("%s %s %s %s\n", object.GetKind(), object.GetName(),
		result.RawGetString("status"), result.RawGetString("message"))
	return nil
}
